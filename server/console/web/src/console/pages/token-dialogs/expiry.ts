// An expiry as a form has it, and the choices that the token policy allows.
import { fields as text } from "./strings.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** The server judges by its own clock: an expiry at the maximum itself could be beyond it there. */
const CLOCKS_MS = 5 * 60 * 1000;
const DAYS = [7, 30, 60, 90];

/** The lifetimes of the token policy; null for none. */
export interface Lifetimes {
  defaultLifetimeDays: number | null;
  maximumLifetimeDays: number | null;
}

export interface Expiry {
  choice: "never" | "unchanged" | "date" | `${number}`;
  /** The last day, if a date is chosen: as its input has it, or empty. */
  date: string;
  /** The instant that is sent: null for never, undefined until there is a date. */
  at: string | null | undefined;
}

const NEVER: Expiry = { choice: "never", date: "", at: null };

/** Where there is no date yet: the problem of the field. */
export const NO_DATE = {
  __typename: "InvalidInput",
  field: "expiresAt",
  message: text.chooseDate,
} as const;

/** The numbers of days to choose from: the usual ones, and those of the policy. */
export function daysToChoose(policy: Lifetimes): number[] {
  const { defaultLifetimeDays: usual, maximumLifetimeDays: most } = policy;
  const all = [...DAYS, ...(usual === null ? [] : [usual]), ...(most === null ? [] : [most])];
  const allowed = all.filter((days) => days <= (most ?? Number.POSITIVE_INFINITY));
  return [...new Set(allowed)].toSorted((one, other) => one - other);
}

/** The expiry of a new token, unless its creator chooses another. */
export function usualExpiry(policy: Lifetimes): Expiry {
  const days = policy.defaultLifetimeDays ?? policy.maximumLifetimeDays;
  return days === null ? NEVER : inDays(days, policy);
}

export function inDays(days: number, policy: Lifetimes): Expiry {
  const at = atMost(Date.now() + days * DAY_MS, policy);
  return { choice: `${days}`, date: "", at };
}

/** At the end of a day in the reader's time zone, or as late on it as the policy allows. */
export function onDate(date: string, policy: Lifetimes): Expiry {
  const end = new Date(`${date}T23:59:59`).getTime();
  return { choice: "date", date, at: Number.isNaN(end) ? undefined : atMost(end, policy) };
}

export function chosen(value: string, kept: string | null | undefined, policy: Lifetimes): Expiry {
  if (value === "date") return { choice: "date", date: "", at: undefined };
  if (value === "unchanged" && kept) return { choice: "unchanged", date: "", at: kept };
  return value === "never" ? NEVER : inDays(Number(value), policy);
}

/** The last day that can be chosen, as an input has it; undefined where there is no maximum. */
export function lastDay({ maximumLifetimeDays: most }: Lifetimes): string | undefined {
  return most === null ? undefined : dayOf(Date.now() + most * DAY_MS - CLOCKS_MS);
}

export function today(): string {
  return dayOf(Date.now());
}

function atMost(at: number, { maximumLifetimeDays: most }: Lifetimes): string {
  const latest = most === null ? at : Date.now() + most * DAY_MS - CLOCKS_MS;
  return new Date(Math.min(at, latest)).toISOString();
}

/** The day in the reader's time zone, as an input has it. */
function dayOf(instant: number): string {
  const offset = new Date(instant).getTimezoneOffset() * 60_000;
  return new Date(instant - offset).toISOString().slice(0, 10);
}
