// The texts of the tab that compares a token's permissions with their use.
import { sentences } from "../../../isolated.ts";

export const rightSize = sentences({
  title: "Right-size",
  lead: "Compares the permissions of this token with its requests. It changes nothing.",
  period: "Period",
  periodOf: (days: number) => `Last ${days} days`,
  /** Of the used permissions alone. */
  replay: (requests: string, of: string, days: number) =>
    `Had only the used permissions been granted, ${requests} of ${of} requests of the last ${days} days would have been denied.`,
  noRequests: "No request with this token was allowed in this period, so there is no suggestion.",
  nothingToWithdraw: "Every permission is in use, or used at intervals: there is nothing to withdraw.",
  suggestion: { one: "permission can be withdrawn", other: "permissions can be withdrawn" },
  review: "Review the suggestion",
  used: (count: string) => `Used (${count})`,
  noneUsed: "No permission was used in this period.",
  unused: (count: string) => `Not used (${count})`,
  noneUnused: "Every permission was used in this period.",
  permission: "Permission",
  requests: "Requests",
  firstUsed: "First used",
  lastUsed: "Last used",
  never: "Not in the last 400 days",
  suggested: "Suggestion",
  keep: "Keep",
  withdraw: "Withdraw",
  rhythms: { WEEKLY: "Weekly", MONTHLY: "Monthly", RARELY: "At long intervals" },
  /** In the grid. */
  ticked: (days: number) =>
    `The suggestion for the last ${days} days is ticked. Nothing is changed until you save.`,
  whyUnused: (days: number) => `Not used in the last ${days} days, nor in the 400 that are kept.`,
  whyUnusedSince: (days: number, last: string) =>
    `Not used in the last ${days} days, and at no regular intervals; last used on ${last}.`,
  preview: "Compare with its use",
  previewing: "Comparing …",
  previewed: (requests: string, of: string, days: number) =>
    `This selection would have denied ${requests} of ${of} requests of the last ${days} days.`,
});
