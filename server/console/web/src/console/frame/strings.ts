// The texts of the frame around every page.

export const shell = {
  skip: "Skip to the page",
  pages: "Pages",
  account: "Account:",
  changePassword: "Change password",
  signOut: "Sign out",
};

export const expired = {
  title: "Your session has ended",
  lead: "Sign in to go on where you were. Nothing of what you have entered is lost.",
  somebodyElse: "Sign in as somebody else",
};

export const notFound = {
  title: "There is no such page",
  lead: "The address may be mistyped, or the page has moved.",
};
