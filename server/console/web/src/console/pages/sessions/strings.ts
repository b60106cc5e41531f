// The texts of the dialog of one's own sessions.
import { sentences } from "../../../isolated.ts";

export const sessions = sentences({
  title: "Your sessions",
  lead: "Where you are signed in. A session ends after an hour without use, and after twelve hours at the latest.",
  where: "Browser",
  unknown: "Not known",
  browserOn: (browser: string, system: string) => `${browser} on ${system}`,
  signedIn: "Signed in",
  lastSeen: "Last used",
  ends: "Ends at the latest",
  current: "This one",
  only: "You are signed in nowhere else.",
  endOthers: "Sign out everywhere else",
  ending: "Signing out…",
  ended: (sessions: string) => `${sessions} ended.`,
  count: { one: "other session", other: "other sessions" },
  close: "Close",
});
