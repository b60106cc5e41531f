// The grid's arithmetic: which permissions are shown, selected, granted and withdrawn.
import type {
  CategoriesQuery,
  GridPermissionFragment,
  TokenDetailsFragment,
} from "../../../../generated/operations.ts";
import { grid } from "./strings.ts";

export type Categories = CategoriesQuery["permissionCategories"];
export type Category = Categories[number];

export interface Filter {
  search: string;
  /**
   * The keys selected when "only selected" was switched on, which stay shown beside the selection:
   * an unchecked row keeps the focus and can be checked again. Undefined shows everything.
   */
  only?: ReadonlySet<string> | undefined;
}

export interface Change {
  granted: GridPermissionFragment[];
  withdrawn: GridPermissionFragment[];
}

// The safe methods of HTTP (RFC 9110, section 9.2.1) that an API's document names, and QUERY.
const READING = new Set(["GET", "HEAD", "OPTIONS", "QUERY"]);

export function keysOf(token: TokenDetailsFragment): ReadonlySet<string> {
  return new Set(token.permissions.map(({ key }) => key));
}

/** The categories, plus one for permissions the token holds of retired endpoints. */
export function withRetired(categories: Categories, token: TokenDetailsFragment): Categories {
  const retired = token.permissions.filter((permission) => permission.retired);
  if (retired.length === 0) return categories;
  return [...categories, { name: grid.retiredTitle, permissions: retired }];
}

/** The permissions that pass the filter, without the categories of which none does. */
export function shownBy(
  everything: Categories,
  filter: Filter,
  selected: ReadonlySet<string>,
): Categories {
  const words = filter.search.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const isShown = (category: string, { key, name }: GridPermissionFragment): boolean => {
    if (filter.only && !filter.only.has(key) && !selected.has(key)) return false;
    const found = `${key} ${name} ${category}`.toLocaleLowerCase();
    return words.every((word) => found.includes(word));
  };
  return everything
    .map(({ name, permissions }) => ({
      name,
      permissions: permissions.filter((permission) => isShown(name, permission)),
    }))
    .filter(({ permissions }) => permissions.length > 0);
}

/** Selects all read-only permissions. Leaves retired ones unchanged: they allow nothing. */
export function readOnly(everything: Categories, selected: ReadonlySet<string>): ReadonlySet<string> {
  const wanted = allOf(everything).filter(({ key, method, retired }) =>
    retired ? selected.has(key) : READING.has(method),
  );
  return new Set(wanted.map(({ key }) => key));
}

/** Filters `keys` to those the token can hold: not another token's retired permissions. */
export function known(everything: Categories, keys: ReadonlySet<string>): ReadonlySet<string> {
  return new Set(allOf(everything).map(({ key }) => key).filter((key) => keys.has(key)));
}

export function changeOf(
  everything: Categories,
  before: ReadonlySet<string>,
  after: ReadonlySet<string>,
): Change {
  const all = allOf(everything);
  return {
    granted: all.filter(({ key }) => after.has(key) && !before.has(key)),
    withdrawn: all.filter(({ key }) => before.has(key) && !after.has(key)),
  };
}

function allOf(categories: Categories): GridPermissionFragment[] {
  return categories.flatMap(({ permissions }) => permissions);
}
