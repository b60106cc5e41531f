// The texts that the console and the pages beside it share; each page has a strings.ts of its own.
// `{{…}}` in the pages' HTML is filled from these files.

export const common = {
  product: "Tessera",
  language: "en",
  needsScript: "This page needs JavaScript. Allow it for this address, and reload the page.",
  insecureAddress:
    "This address is not secure (http). Browsers keep the session only over HTTPS: open this page at an address that starts with https.",
};

/** An address that no page has. */
export const notFound = {
  pageTitle: "Page not found · Tessera",
  title: "Page not found",
  lead: "The address may be mistyped, or the page may have moved.",
  toConsole: "Go to API tokens",
};

export const roles = { OWNER: "Owner", ADMIN: "Admin", AUDITOR: "Auditor" };

export const password = {
  label: "Password",
  hint: "At least 15 characters that are hard to guess, such as a few unusual words.",
  missing: "Enter a password.",
  tooShort: "A password has at least 15 characters.",
  show: "Show",
  hide: "Hide",
  showPassword: "Show password",
  hidePassword: "Hide password",
};

/** Signing in and out, and its failures. */
export const session = {
  email: "E-mail",
  signIn: "Sign in",
  signingIn: "Signing in…",
  refused: "Sign-in failed. Check all three fields and try again.",
  tooMany: "Too many attempts.",
  wait: (seconds: number) => `Try again in ${seconds} s`,
  serverError: (status: number) => `The server could not answer (${status}). Try again in a moment.`,
  offline: "The server cannot be reached. Check your connection and try again.",
  noSuchPage: "The link leads to a page of this list that does not exist.",
  isOffline: "You are offline. This page may be out of date.",
  signOutFailed: "Signing out failed. You are still signed in.",
};
