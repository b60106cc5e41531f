// The texts that no single page owns.

export const changePassword = {
  title: "Change password",
  lead: "You will be signed out everywhere and sign in with the new one.",
  current: "Current password",
  next: "New password",
  change: "Change password",
};

export const noSuchToken = {
  title: "There is no such token",
  lead: "It may have been revoked, or the link is incomplete.",
};
