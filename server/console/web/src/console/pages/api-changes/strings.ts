// The texts about versions of the organisation's API.
import { sentences } from "../../../isolated.ts";

export const apiChanges = sentences({
  lead: "Versions of your organisation’s API, newest first, and what each changed for tokens.",
  none: "No version of the API is known yet.",
  first: "The first version that is known.",
  unchanged: "No endpoint was added, removed or moved.",
  served: "Served now",
  more: "Show earlier versions",
  versionOf: (number: string) => `Version ${number}`,
  added: { one: "endpoint added", other: "endpoints added" },
  removed: { one: "endpoint removed", other: "endpoints removed" },
  renamed: { one: "endpoint has another path", other: "endpoints have another path" },
  moved: {
    one: "endpoint left a base path",
    other: "endpoints left a base path",
  },
  addedLead: "Only tokens that follow their category were granted them.",
  removedLead: "Tokens keep their permissions, which allow nothing.",
  was: (key: string) => `was ${key}`,
  keeps: "Tokens keep it: only names of parameters have changed.",
  keepsNot: "It is another permission. No token was granted it automatically.",
  basePaths: (before: string, now: string) => `from ${before} to ${now}`,
  root: "/",
  affected: { one: "token is affected", other: "tokens are affected" },
  affectedNow: "Tokens that hold such a permission now:",
  noneAffected: "No token is affected.",
});

export const notice = {
  title: "Your organisation’s API has changed",
  see: "See the changes",
  dismiss: "Dismiss",
  dismissed: "The notice was dismissed for all admins.",
};
