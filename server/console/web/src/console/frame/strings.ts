// The texts of the frame around every page.

export const shell = {
  skip: "Skip to content",
  pages: "Pages",
  account: "Account:",
  changePassword: "Change password",
  signOut: "Sign out",
};

export const expired = {
  title: "Your session has ended",
  lead: "Sign in to continue. Your input is kept.",
  anotherAccount: "Use another account",
};

export const notFound = {
  title: "Page not found",
  lead: "The address may be mistyped, or the page may have moved.",
};
