// The filters of the list of tokens, as the address holds them and as the API takes them.
import type { TokenFilter, TokenOrder, TokenState } from "../../../generated/operations.ts";

export const UNUSED_DAYS = ["30", "90", "180"] as const;
export const WITHIN_DAYS = ["7", "30"] as const;
export const ORGANISATION = "organisation";
const DAY_MS = 24 * 60 * 60 * 1000;

export interface Filters {
  search: string;
  state?: TokenState | undefined;
  /** The global id of an admin, or `ORGANISATION`. */
  owner?: string | undefined;
  unused?: (typeof UNUSED_DAYS)[number] | "never" | undefined;
  /** Some days from now, or a date as an input has it: the last day. */
  expires?: string | undefined;
  /** The key. */
  permission?: string | undefined;
}

export const PAGE_SIZES = ["25", "50", "100"] as const;

/** A page of the list: filtered, in an order. */
export interface Place extends Filters {
  order?: TokenOrder | undefined;
  /** Tokens a page; undefined for the first of `PAGE_SIZES`. */
  size?: (typeof PAGE_SIZES)[number] | undefined;
  after?: string | undefined;
  before?: string | undefined;
}

/** The filter of the API. Days count from now on. */
export function filterOf({ search, state, owner, unused, expires, permission }: Filters): TokenFilter {
  return {
    ...(search !== "" && { search }),
    ...(state !== undefined && { states: [state] }),
    ...(owner === ORGANISATION && { isOwnedByOrganisation: true }),
    ...(owner !== undefined && owner !== ORGANISATION && { ownerId: owner }),
    ...(unused === "never" && { neverUsed: true }),
    ...(unused !== undefined && unused !== "never" && { unusedSince: daysAgo(Number(unused)) }),
    ...(permission !== undefined && { permission }),
    ...(expires !== undefined && { expiresBefore: endOf(expires) }),
    // "Expires" looks ahead: leaves out tokens that have expired, unless they are asked for.
    ...(expires !== undefined && state === undefined && { states: ["ACTIVE", "PAUSED"] }),
  };
}

export function daysAgo(days: number): string {
  return new Date(Date.now() - days * DAY_MS).toISOString();
}

/** Whether it is a date as an input has it. No early year: one that is being typed has zeros. */
export function isDate(text: string): boolean {
  return /^[2-9]\d{3}-\d\d-\d\d$/.test(text) && !Number.isNaN(new Date(`${text}T00:00`).getTime());
}

/** The end of a span of days, or of the last day in the reader's time zone. */
function endOf(expires: string): string {
  if (!isDate(expires)) return daysAgo(-Number(expires));
  const end = new Date(`${expires}T00:00`);
  end.setDate(end.getDate() + 1);
  return end.toISOString();
}
