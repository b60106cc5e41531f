// The filters of the audit trail, kept in the address so that a reload or link preserves them.
import { useSearchParams } from "wouter";
import type { ActivityFilter } from "../../../../generated/operations.ts";
import { chosenKinds } from "./kinds.ts";

const NAMES = ["kind", "actor", "about", "since", "until"] as const;

/** Each as the address has it; empty for none. */
export type Filters = Record<(typeof NAMES)[number], string>;

export function useFilters(): [Filters, (changed: Partial<Filters>) => void] {
  const [params, setParams] = useSearchParams();
  const read = (name: keyof Filters) => params.get(name) ?? "";
  const filters: Filters = {
    kind: read("kind"),
    actor: read("actor"),
    about: read("about"),
    since: read("since"),
    until: read("until"),
  };
  function change(changed: Partial<Filters>): void {
    const given = Object.entries({ ...filters, ...changed }).filter(([, value]) => value !== "");
    setParams(new URLSearchParams(given), { replace: true });
  }
  return [filters, change];
}

export const NO_FILTERS: Filters = { kind: "", actor: "", about: "", since: "", until: "" };

export function isFiltered(filters: Filters): boolean {
  return NAMES.some((name) => filters[name] !== "");
}

/** The filter of the API. tokenId: of the token that the list is of; undefined for all. */
export function filterOf(filters: Filters, tokenId: string | undefined): ActivityFilter {
  return {
    kinds: chosenKinds(filters.kind),
    actorId: filters.actor || null,
    subjectId: tokenId ?? (filters.about || null),
    since: startOf(filters.since, 0),
    until: startOf(filters.until, 1),
  };
}

/** The address of the filtered list as a file. */
export function fileOf(path: string, filter: ActivityFilter): string {
  const query = new URLSearchParams();
  for (const kind of filter.kinds ?? []) query.append("kind", kind);
  const { actorId, subjectId, since, until } = filter;
  const given = { actor: actorId, subject: subjectId, since, until };
  for (const [name, value] of Object.entries(given)) if (value) query.set(name, value);
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** The start of a day in the reader's time zone, or of the day `later` days after; null for none. */
function startOf(date: string, later: number): string | null {
  // No early year: one that is being typed has zeros.
  if (!/^[12]\d{3}-\d\d-\d\d$/.test(date)) return null;
  const start = new Date(`${date}T00:00`);
  if (Number.isNaN(start.getTime())) return null;
  start.setDate(start.getDate() + later);
  return start.toISOString();
}
