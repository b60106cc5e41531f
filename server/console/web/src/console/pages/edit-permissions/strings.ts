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
  retiredTitle: "Retired: left the API, opens nothing",
  noneSelected: "Nothing is selected.",
  nothingFound: "No permission matches.",
  summary: "Changes",
  selected: { one: "permission selected", other: "permissions selected" },
  unchanged: "Nothing will change.",
  willGrant: { one: "permission will be granted", other: "permissions will be granted" },
  willWithdraw: { one: "permission will be withdrawn", other: "permissions will be withdrawn" },
  saved: "Permissions saved.",
  mayNotChange: "Your role reads everything and changes nothing.",
  view: "View the token",
};

export const conflict = {
  title: "Changed by somebody else meanwhile",
  lead: "Another admin has changed this token since you opened it.",
  leadBy: (who: string) => `${who} has changed this token since you opened it.`,
  renamed: (name: string) => `It is called “${name}” now.`,
  choose: "Start from their version, or keep your selection and save it over theirs?",
  takeTheirs: "Start from their version",
  keepMine: "Keep my selection",
};

export const copyFrom = {
  title: "Copy from another token",
  search: "Search tokens",
  tokens: "Tokens",
  permissions: { one: "permission", other: "permissions" },
  none: "There is no other token like this.",
  more: "There are more: search for the one you mean.",
};
