// The texts of the page that edits the permissions of a token.

export const grid = {
  pageTitle: "Permissions",
  title: (name: string) => `Permissions of “${name}”`,
  lead: "Each permission is one endpoint of your organisation’s API.",
  search: "Search by name, method, path or category",
  onlySelected: "Only selected",
  presets: "Select many at once",
  readOnly: "All read-only",
  none: "None",
  copyFrom: "Copy from another token",
  countOf: (count: string, all: string) => `${count} of ${all}`,
  retiredTitle: "Retired: removed from the API",
  noneSelected: "No permission is selected.",
  nothingFound: "No permission matches the search.",
  summary: "Changes",
  selected: { one: "permission selected", other: "permissions selected" },
  unchanged: "No changes.",
  willGrant: { one: "permission will be granted", other: "permissions will be granted" },
  willWithdraw: { one: "permission will be withdrawn", other: "permissions will be withdrawn" },
  saved: "Permissions saved.",
  mayNotChange: "Your role can view permissions, but not change them.",
  view: "View the token",
};

export const conflict = {
  title: "Changed by another admin",
  lead: "Another admin has changed this token since you opened it.",
  leadBy: (admin: string) => `${admin} has changed this token since you opened it.`,
  renamed: (name: string) => `Its name is now “${name}”.`,
  choose: "Start from their version, or keep your selection and overwrite theirs?",
  takeTheirs: "Start from their version",
  keepMine: "Keep my selection",
};

export const copyFrom = {
  title: "Copy from another token",
  search: "Search tokens",
  tokens: "Tokens",
  permissions: { one: "permission", other: "permissions" },
  none: "No other token found.",
  more: "The list is not complete. Search for a token by name.",
};
