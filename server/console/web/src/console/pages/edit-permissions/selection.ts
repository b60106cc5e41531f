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
  /** The keys that were changed when "only changes" was switched on; undefined shows everything. */
  changed?: ReadonlySet<string> | undefined;
}

export interface Change {
  granted: GridPermissionFragment[];
  withdrawn: GridPermissionFragment[];
}

/** The categories that a token comes to follow, and those that it follows no more. */
export interface Following {
  followed: string[];
  unfollowed: string[];
  /** The keys in those that it comes to follow which are not selected: following grants the rest. */
  leftOut: string[];
}

export function followingOf(
  before: readonly string[],
  after: ReadonlySet<string>,
  everything: Categories,
  selected: ReadonlySet<string>,
): Following {
  const followed = [...after].filter((name) => !before.includes(name));
  const granted = allOf(everything.filter(({ name }) => followed.includes(name)));
  return {
    followed,
    unfollowed: before.filter((name) => !after.has(name)),
    leftOut: granted.map(({ key }) => key).filter((key) => !selected.has(key)),
  };
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
    if (filter.changed && !filter.changed.has(key)) return false;
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

/** Whether it only reads, as its method says. */
export function isReading({ method }: Pick<GridPermissionFragment, "method">): boolean {
  return READING.has(method);
}

/**
 * All read-only permissions besides those that are selected, and how many sensitive ones are left out.
 * Leaves retired ones unchanged: they allow nothing.
 */
export function withReadOnly(
  everything: Categories,
  selected: ReadonlySet<string>,
): { keys: ReadonlySet<string>; leftOut: number } {
  const reading = allOf(everything).filter(
    (permission) => !permission.retired && isReading(permission) && !selected.has(permission.key),
  );
  const added = reading.filter(({ sensitive }) => !sensitive).map(({ key }) => key);
  return { keys: new Set([...selected, ...added]), leftOut: reading.length - added.length };
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
