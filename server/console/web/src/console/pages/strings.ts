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
