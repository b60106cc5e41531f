// The filters, the order and the page of the list, kept in the address: a reload or a link has them.
import { useSearchParams } from "wouter";
import type { TokenOrder, TokenState } from "../../../../generated/operations.ts";
import { paths } from "../../paths.ts";
import {
  type Filters,
  isDate,
  PAGE_SIZES,
  type Place,
  UNUSED_DAYS,
  WITHIN_DAYS,
} from "../../api/token-filter.ts";

export const STATES = ["ACTIVE", "PAUSED", "EXPIRED", "REVOKED"] as const satisfies TokenState[];
export const ORDERS = [
  "NEWEST",
  "OLDEST",
  "NAME",
  "LAST_USED",
  "LEAST_RECENTLY_USED",
  "EXPIRES_SOONEST",
] as const satisfies TokenOrder[];
export const UNUSED = [...UNUSED_DAYS, "never"] as const;
/** The parts of a place that are filters, in the order in which they are shown. */
export const FILTERS = ["state", "owner", "unused", "expires", "permission"] as const;
export type FilterName = (typeof FILTERS)[number];

export function usePlace(): [Place, (place: Place) => void] {
  const [params, setParams] = useSearchParams();
  const place = placeOf(params);
  function setPlace(to: Place): void {
    // Replace the history entry: "back" must not step through each letter of a search.
    setParams(paramsOf(to), { replace: to.search !== place.search });
  }
  return [place, setPlace];
}

/** Ignores what is no choice, as in a mistyped link. */
function placeOf(params: URLSearchParams): Place {
  const of = (name: string): string | undefined => params.get(name) || undefined;
  const among = <Value extends string>(values: readonly Value[], name: string): Value | undefined =>
    values.find((value) => value.toLowerCase() === params.get(name));
  const within = among(WITHIN_DAYS, "expires");
  const until = of("expires");
  return {
    search: params.get("search") ?? "",
    state: among(STATES, "state"),
    owner: of("owner"),
    unused: among(UNUSED, "unused"),
    expires: within ?? (until !== undefined && isDate(until) ? until : undefined),
    permission: of("permission"),
    order: among(ORDERS, "order"),
    size: among(PAGE_SIZES, "size"),
    after: of("after"),
    before: of("before"),
  };
}

function paramsOf(place: Place): URLSearchParams {
  const { state, order, ...others } = place;
  const params = { ...others, state: state?.toLowerCase(), order: order?.toLowerCase() };
  const set = Object.entries(params).flatMap(([name, value]) => (value ? [[name, value]] : []));
  return new URLSearchParams(set);
}

export function addressOf(place: Place): string {
  const query = paramsOf(place).toString();
  return query === "" ? paths.tokens : `${paths.tokens}?${query}`;
}

/** The same list with another filter, from its first page on; undefined removes the filter. */
export function refiltered(place: Place, changed: Partial<Filters>): Place {
  return { ...shapeOf(place), ...filtersOf(place), ...changed };
}

/** The list in another order, from its first page on. */
export function reordered(place: Place, order: TokenOrder): Place {
  return { ...refiltered(place, {}), order: order === "NEWEST" ? undefined : order };
}

/** The list in pages of another size, from the first one on. */
export function resized(place: Place, size: Place["size"]): Place {
  return { ...refiltered(place, {}), size: size === PAGE_SIZES[0] ? undefined : size };
}

/** All tokens, in the same order and size. */
export function unfiltered(place: Place): Place {
  return { ...shapeOf(place), search: "" };
}

/** What decides which tokens are listed, without order, page and its size. */
export function filtersOf(place: Place): Filters {
  const { order: _order, size: _size, after: _after, before: _before, ...filters } = place;
  return filters;
}

/** The order, and the size of a page. */
export function shapeOf({ order, size }: Place): Pick<Place, "order" | "size"> {
  return { order, size };
}

export function activeFilters(place: Place): FilterName[] {
  return FILTERS.filter((name) => place[name] !== undefined);
}

export function isFiltered(place: Place): boolean {
  return place.search !== "" || activeFilters(place).length > 0;
}

/** Whether this is the first page of all tokens. */
export function isStart(place: Place): boolean {
  return !isFiltered(place) && place.after === undefined && place.before === undefined;
}
