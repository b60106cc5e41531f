// The texts of the page that edits the permissions of a token.
import { sentences } from "../../../isolated.ts";

export const grid = sentences({
  pageTitle: "Permissions",
  title: (name: string) => `Permissions of “${name}”`,
  lead: "Each permission is one endpoint of your organisation’s API.",
  search: "Search by name, method, path or category",
  onlySelected: "Only selected",
  presets: "Select many at once",
  readOnly: "Add all read-only",
  sensitive: { one: "sensitive permission is", other: "sensitive permissions are" },
  leftOut: (count: string) => `${count} left out: select each that is needed.`,
  none: "None",
  read: "Read",
  all: "All",
  noneOf: (category: string) => `None of ${category}`,
  readOf: (category: string) => `Read ${category}`,
  allOf: (category: string) => `All of ${category}`,
  fold: (category: string) => `Permissions in ${category}`,
  foldAll: "Fold all",
  unfoldAll: "Unfold all",
  mark: { granted: "+ will be granted", withdrawn: "− will be withdrawn" },
  onlyChanges: "Only changes",
  copyFrom: "Copy from another token",
  useRecipe: "Use a recipe",
  follow: "and what comes",
  followIn: (category: string) =>
    `in ${category}: grants permissions that later versions of the API add to it`,
  willFollow: (categories: string) =>
    `Will follow ${categories}: permissions that later versions of the API add there are granted.`,
  willUnfollow: (categories: string) =>
    `Will no longer follow ${categories}. Granted permissions stay.`,
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
});

export const conflict = sentences({
  title: "The token has changed",
  lead: "The token has changed since you opened this.",
  leadBy: (admin: string) => `${admin} has changed this token since you opened it.`,
  renamed: (name: string) => `Its name is now “${name}”.`,
  same: "Its permissions are still the same. Keep your selection, and save it again.",
  choose: "Start from their version, or keep your selection and overwrite theirs?",
  takeTheirs: "Start from their version",
  keepMine: "Keep my selection",
});

export const recipe = sentences({
  title: "Use a recipe",
  lead: "A recipe selects the permissions that a program needs, and says why.",
  needs: (name: string, permissions: string) => `${name} needs ${permissions} of these`,
  permissions: { one: "permission", other: "permissions" },
  by: (vendor: string, version: string) => `${vendor}, version ${version}`,
  lacking: (count: string) => `The API lacks ${count} that the recipe asks for.`,
  only: "Select only these",
  drop: "Without the recipe",
  unknown: "There is no recipe of this name.",
});

export const copyFrom = {
  title: "Copy from another token",
  search: "Search tokens",
  tokens: "Tokens",
  permissions: { one: "permission", other: "permissions" },
  none: "No other token found.",
  more: "The list is not complete. Search for a token by name.",
};
