// The texts of the page of the token policy.
import { sentences } from "../../../isolated.ts";

export const policy = sentences({
  lead: "How long your organisation’s tokens may live, and from where they work.",
  present: "Present policy",
  maximum: "Maximum lifetime",
  defaultLifetime: "Default lifetime",
  pauseUnused: "Unused tokens are paused",
  networks: "Networks",
  set: "Last set",
  never: "Never",
  noMaximum: "None: tokens may live for ever",
  asMaximum: "As long as the maximum allows",
  untilRevoked: "Until it is revoked",
  afterDays: (days: string) => `After ${days}`,
  days: { one: "day", other: "days" },
  bindsFrom: (at: string) => `Binds tokens that existed before from ${at} on.`,
  pausesFrom: (at: string) => `From ${at} on.`,
  setBy: (at: string, name: string) => `${at}, by ${name}`,
  notApplied: "The new expiries of existing tokens are being set. For many tokens this takes some minutes.",
  onlyOwner: (owner: string) => `Only the ${owner} changes the policy.`,
});

export const form = sentences({
  title: "Change the policy",
  maximumLabel: "Maximum lifetime in days",
  maximumHint: "No token may live longer, counted from its creation or the last change of its expiry. 1 to 3,650; empty: no maximum.",
  defaultLabel: "Default lifetime in days",
  defaultHint: "For new tokens without a chosen expiry. 1 to 3,650; empty: as long as is allowed.",
  pauseLabel: "Pause after days without use",
  pauseHint: "A paused token is refused until an admin resumes it. 1 to 3,650; empty: never.",
  networksLabel: "Networks",
  networksHint:
    "One a line, at most 50. Every token works from these addresses alone, beside its own networks. They bind at once. Empty: from anywhere.",
  fromLabel: "Binds existing tokens from",
  fromHint: "New tokens follow the policy at once.",
  preview: "Preview",
  previewing: "Working it out…",
  chooseDays: "Enter a whole number of days, or nothing.",
  outOfRange: (most: string) => `Enter 1 to ${most} days.`,
  defaultBeyond: "The default is at most the maximum.",
  chooseDate: "Choose a date.",
});

export const preview = sentences({
  title: "What the policy changes",
  changed:
    "The policy, or a token that it affects, has changed since the preview. Nothing was set. Check the new preview, and confirm again.",
  none: "No token gets another expiry.",
  ended: (count: number, tokens: string) =>
    count === 1 ? `${tokens} without expiry gets one.` : `${tokens} without expiry get one.`,
  shortened: (count: number, tokens: string) =>
    count === 1 ? `${tokens} ends earlier.` : `${tokens} end earlier.`,
  paused: (count: number, tokens: string, at: string) =>
    count === 1
      ? `${tokens} is paused on ${at}, unless it is used before.`
      : `${tokens} are paused on ${at}, unless they are used before.`,
  networks: (networks: string) =>
    `Requests with any token from other addresses than these are refused at once: ${networks}.`,
  anywhere: "The policy refuses no address any more.",
  moreThan: (most: string) => `More than ${most} tokens`,
  table: "Tokens that get another expiry",
  name: "Name",
  owner: "Owner",
  lastUsed: "Last used",
  usedFrom: (address: string) => `from ${address}`,
  never: "Never",
  expires: "Present expiry",
  newExpiry: "New expiry",
  set: "Set policy",
  setting: "Setting…",
  done: "The token policy was set.",
});
