// The texts that no single page owns.

export const changePassword = {
  title: "Change password",
  lead: "This signs you out everywhere. Sign in again with the new password.",
  current: "Current password",
  next: "New password",
  change: "Change password",
};

export const noSuchToken = {
  title: "Token not found",
  lead: "The token may have been revoked, or the link may be incomplete.",
};

/** The conditions of a token in words, wherever they are shown. */
export const conditions = {
  state: { ACTIVE: "Active", PAUSED: "Paused", EXPIRED: "Expired", REVOKED: "Revoked" },
  endsIn: (left: string) => `Ends in ${left}`,
  endsWithinTheHour: "Ends within the hour",
  days: { one: "day", other: "days" },
  hours: { one: "hour", other: "hours" },
  never: "Never",
  anywhere: "Anywhere",
  noLimit: "None",
  anHour: (requests: string) => `${requests} an hour`,
};
