// The texts that no single page owns.
import { sentences } from "../../isolated.ts";

export const changePassword = {
  title: "Change password",
  lead: "This signs you out everywhere. Sign in again with the new password.",
  current: "Current password",
  missingCurrent: "Enter your current password.",
  next: "New password",
  change: "Change password",
};

export const firstRequest = {
  title: "Your organisation’s API URL",
  copyUrl: "Copy URL",
  copyCommand: "Copy command",
  secretIn: "The variable TOKEN stands for the secret: “read -rs TOKEN” asks for it.",
  docs: "Documentation of the API",
};

export const noSuchToken = {
  title: "Token not found",
  lead: "The token may have been revoked, or the link may be incomplete.",
};

export const grantPermission = sentences({
  grant: "Grant",
  granting: "Granting…",
  grantOf: (permission: string) => `Grant ${permission}`,
  granted: (permission: string, token: string) => `${permission} was granted to ${token}.`,
});

/** The conditions of a token in words, wherever they are shown. */
export const conditions = sentences({
  state: { ACTIVE: "Active", PAUSED: "Paused", EXPIRED: "Expired", REVOKED: "Revoked" },
  endsIn: (left: string) => `Ends in ${left}`,
  endsWithinTheHour: "Ends within the hour",
  days: { one: "day", other: "days" },
  hours: { one: "hour", other: "hours" },
  never: "Never",
  anywhere: "Anywhere",
  noLimit: "None",
  anHour: (requests: string) => `${requests} an hour`,
});
