// The texts about a token's trial.
import { sentences } from "../../../isolated.ts";

const requests = { one: "request", other: "requests" };
const permissions = { one: "permission", other: "permissions" };

export const trial = sentences({
  title: "Trial",
  lead: (withheld: string) =>
    `The token is tried without ${withheld}. Nothing is denied: it keeps all its permissions meanwhile.`,
  permissions,
  started: (at: string) => `Started on ${at}.`,
  startedBy: (at: string, name: string) => `Started on ${at} by ${name}.`,
  until: (at: string, left: string) => `It is dropped automatically on ${at} (${left} left).`,
  days: { one: "day", other: "days" },
  none: "No request would have been denied so far.",
  denied: (count: string) => `${count} would have been denied:`,
  requests,
  caption: "Requests that the trial would have denied",
  permission: "Permission",
  count: "Requests",
  last: "Last",
  callers: "Callers",
  callerCount: { one: "caller", other: "callers" },
  requestsOf: (count: string) => `${count}:`,
  caller: (address: string, userAgent: string, count: string) =>
    userAgent === "" ? `${address}: ${count}` : `${address}, ${userAgent}: ${count}`,
  withheld: { one: "permission left out", other: "permissions left out" },
  drop: "Drop trial",
  enforce: "Enforce trial",
  over: "The trial has ended.",
});

export const startTrial = sentences({
  action: "Try first: only watch",
  later: "Save the granted permissions first, then try the token without the withdrawn ones.",
  underWay:
    "A trial of this token is under way. Permissions that you grant stay after it; those that you withdraw leave it.",
  title: (name: string) => `Try “${name}” without these permissions?`,
  lead: (withheld: string) =>
    `The token keeps ${withheld} that you have unticked. Each request that needs one of them passes, and is counted, with its caller, as one that would have been denied.`,
  next: "Then enforce the trial, which withdraws them, or drop it. At its end it is dropped automatically.",
  days: "Duration",
  choice: (days: string) => `${days} days`,
  confirm: "Start trial",
  busy: "Starting…",
  done: "The trial has started.",
});

export const enforceTrial = sentences({
  title: (name: string) => `Enforce the trial of “${name}”?`,
  lead: (withheld: string) => `The token loses ${withheld} at once.`,
  stops: (count: string) =>
    `Calls like these stop working. During the trial there were ${count}:`,
  nothingStops: "None of them was used during the trial.",
  // Not "Enforce trial": the button that opens the dialog is called so.
  confirm: "Withdraw permissions",
  busy: "Withdrawing…",
  done: "The trial was enforced: the permissions are withdrawn.",
  changed: "The token has changed since you opened this. This is what would be withdrawn now.",
});

export const dropTrial = sentences({
  title: (name: string) => `Drop the trial of “${name}”?`,
  lead: "The token keeps all its permissions. The counts are no longer shown; the activity keeps the permissions that were needed.",
  confirm: "Drop",
  busy: "Dropping…",
  done: "The trial was dropped.",
  changed: "The token has changed since you opened this.",
});
