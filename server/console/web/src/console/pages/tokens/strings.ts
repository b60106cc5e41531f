// The texts of the list of tokens.
import type { TokenOrder } from "../../../../generated/operations.ts";
import { sentences } from "../../../isolated.ts";

export const tokens = sentences({
  lead: "Each token gives access to chosen endpoints of your organisation’s API.",
  add: "Add token",
  addFirst: "Add your first token",
  apiUrl: "Your organisation’s API URL",
  copyUrl: "Copy URL",
  search: "Search tokens",
  searchHint: "Name, description, creator, or the beginning of a secret",
  emptyTitle: "No API tokens yet",
  noneTitle: "No live API tokens",
  emptyLead: "With a token, a script or a service can call your organisation’s API.",
  emptyAuditor: "Ask an admin to add one.",
  nothingFound: (search: string) => `No token matches “${search}”.`,
  nothingMeets: "No token matches these filters.",
  searchRevoked: "Search revoked tokens",
  pageEmpty: "This page has no tokens.",
  clearSearch: "Clear the search",
  clearFilters: "Clear all filters",
  tooBroad:
    "Too many tokens would have to be read to answer this. Add a filter, or sort by newest or oldest.",
  toFirstPage: "Go to the first page",
  count: { one: "token", other: "tokens" },
  moreThan: (most: string) => `More than ${most} tokens`,
  name: "Name",
  permissions: "Permissions",
  owner: "Owner",
  created: "Created",
  lastUsed: "Last used",
  expires: "Expires",
  never: "Never",
  actions: "Actions",
  actionsOf: (name: string) => `Actions for ${name}`,
  view: "View",
  editPermissions: "Edit permissions",
  duplicate: "Duplicate",
  rename: "Rename",
  revoke: "Revoke",
  pages: "Pages of tokens",
  previous: "Previous",
  next: "Next",
  size: "Tokens a page",
  details: (name: string) => `Details of ${name}`,
  neverUsed: "never used",
  used: (when: string) => `used ${when}`,
  permissionCount: { one: "permission", other: "permissions" },
});

export const views = sentences({
  label: "Views",
  more: (most: string) => `${most}+`,
  name: {
    all: "All",
    mine: "Mine",
    unused: "Unused for 90 days",
    never: "Never used",
    ending: "Ends soon",
    paused: "Paused",
    revoked: "Revoked",
  },
});

export const reminders = sentences({
  region: "Tokens that need care",
  ending: (tokens: number, count: string) =>
    tokens === 1 ? `${count} ends within 30 days` : `${count} end within 30 days`,
  overdueFor: (days: string) =>
    `A rotation has waited for ${days} for the first use of its new secret:`,
  overdue: (count: string) =>
    `${count} rotations have waited for a week or longer for the first use of their new secrets:`,
  retiredUsed: "A retired secret was used, and refused, within the last 24 hours:",
  retiredUsedOf: (count: string) =>
    `Retired secrets of ${count} tokens were used, and refused, within the last 24 hours:`,
  days: { one: "day", other: "days" },
  more: (count: string) => `and ${count} more`,
});

const orders: Record<TokenOrder, string> = {
  NEWEST: "Newest",
  OLDEST: "Oldest",
  NAME: "Name",
  LAST_USED: "Last used",
  LEAST_RECENTLY_USED: "Least recently used",
  EXPIRES_SOONEST: "Expires soonest",
};

export const sorting = {
  label: "Sort by",
  orders,
};

export const filters = sentences({
  open: (active: number) => (active === 0 ? "Filters" : `Filters (${active})`),
  region: "Filters",
  active: "Active filters",
  remove: (filter: string) => `Remove filter: ${filter}`,
  clear: "Clear all",
  any: "Any",
  state: "State",
  notRevoked: "All but revoked",
  owner: "Owner",
  ownedBy: (owner: string) => `Owner: ${owner}`,
  someAdmin: "an admin",
  inState: (state: string) => `State: ${state}`,
  unused: "Last use",
  unusedFor: (days: string) => `Unused for ${days} days`,
  neverUsed: "Never used",
  expires: "Expires",
  within: (days: string) => `Within ${days} days`,
  byDate: "By a date",
  lastDay: "Last day",
  expiresWithin: (days: string) => `Expires within ${days} days`,
  expiresBy: (day: string) => `Expires by ${day}`,
  permission: "Permission",
  may: (permission: string) => `Permission: ${permission}`,
});

export const selection = sentences({
  region: "Selected tokens",
  ofRow: (name: string) => `Select ${name}`,
  ofPage: "Select all on this page",
  selected: (tokens: string) => `${tokens} selected`,
  allMatching: (tokens: string) => `All ${tokens} selected`,
  selectPage: (tokens: string) => `Select this page (${tokens})`,
  selectMatching: (tokens: string) => `Select all ${tokens}`,
  tooMany: (most: string) => `At most ${most} tokens are revoked at once: narrow the filters.`,
  clear: "Clear selection",
  revoke: "Revoke selected",
});

export const bulk = sentences({
  title: (tokens: string) => `Revoke ${tokens}?`,
  loadingTitle: "Revoke the selected tokens?",
  lead: "Calls with these tokens will be refused at once. This cannot be undone.",
  usedLately: (tokens: number, count: string) =>
    tokens === 1 ? `${count} was used in the last 7 days.` : `${count} were used in the last 7 days.`,
  noneUsedLately: "None was used in the last 7 days.",
  noneEverUsed: "None was ever used.",
  neverUsed: (tokens: number, count: string) =>
    tokens === 1 ? `${count} was never used.` : `${count} were never used.`,
  latest: "The most recently used:",
  some: "Among them:",
  usedAt: (when: string, from: string) => `last used ${when}, from ${from}`,
  unused: "never used",
  unknown: "an unknown address",
  more: (count: string) => `and ${count} more`,
  changed: (before: string, after: string) =>
    `The tokens have changed since you opened this: ${before} then, ${after} now. None was revoked. Check them, and confirm again.`,
  none: "No token is left to revoke.",
  confirm: (tokens: string) => `Revoke ${tokens}`,
  revoking: "Revoking…",
  revoked: (tokens: number, count: string) =>
    tokens === 1 ? `${count} was revoked.` : `${count} were revoked.`,
});
