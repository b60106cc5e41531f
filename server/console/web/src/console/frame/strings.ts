// The texts of the frame around every page.
import { sentences } from "../../isolated.ts";

export const shell = sentences({
  skip: "Skip to content",
  pages: "Pages",
  open: "open",
  moreThan: (count: string) => `${count}+`,
  account: "Account:",
  organisation: "Organisation",
  zone: (name: string, offset: string) =>
    name === "UTC" ? "Times are in UTC." : `Times are in ${name} (${offset}).`,
  exactTimes: "Show exact times",
  relativeTimes: "Show relative times",
  shortName: "Short name, to sign in with",
  sessions: "Your sessions",
  changePassword: "Change password",
  signOut: "Sign out",
  keys: "Keys",
});

export const keys = {
  title: "Keys",
  list: [
    ["/", "Search: this page’s permissions, or tokens"],
    ["?", "List the keys"],
    ["Tab", "Go to the next control, or category of permissions"],
    ["← → ↑ ↓", "Go to another control of the category"],
    ["Space", "Check or uncheck"],
    ["Esc", "Close a dialog or a menu"],
  ],
  use: "Use / and ? as keys",
  close: "Close",
} as const;

export const expired = {
  title: "Your session has ended",
  lead: "Sign in to continue. Your input is kept.",
  anotherAccount: "Use another account",
};
