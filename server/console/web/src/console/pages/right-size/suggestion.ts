// The suggestion that follows from the use of a token's permissions, with the reason of each change.
import type { RightSizeQuery, ShownUseFragment } from "../../../../generated/operations.ts";
import { formats } from "../../formats.ts";
import { paths } from "../../paths.ts";
import { rightSize as text } from "./strings.ts";

export const DEFAULT_DAYS = 90;
const MAX_DAYS = 400;
export type RightSize = NonNullable<RightSizeQuery["token"]>["rightSize"];

export interface Suggestion {
  days: number;
  keys: ReadonlySet<string>;
  /** Why a permission is withdrawn, by its key. */
  reasons: ReadonlyMap<string, string>;
  /** The intervals at which a permission is used, by its key. */
  rhythms: ReadonlyMap<string, string>;
}

export function withdrawable(found: RightSize): ShownUseFragment[] {
  const kept = new Set(found.suggested.map(({ key }) => key));
  return found.unused.filter(({ permission }) => !kept.has(permission.key));
}

export function suggestionOf(found: RightSize, days: number): Suggestion {
  const rhythms = [...found.used, ...found.unused].flatMap(({ permission, rhythm }) =>
    rhythm ? [[permission.key, text.rhythms[rhythm]] as const] : [],
  );
  const reasons = withdrawable(found).map(
    ({ permission, lastUsedAt }) =>
      [
        permission.key,
        lastUsedAt ? text.whyUnusedSince(days, formats.day(lastUsedAt)) : text.whyUnused(days),
      ] as const,
  );
  return {
    days,
    keys: new Set(found.suggested.map(({ key }) => key)),
    reasons: new Map(reasons),
    rhythms: new Map(rhythms),
  };
}

/** The grid with the suggestion for so many days ticked. */
export function reviewAddress(id: string, days: number): string {
  return `${paths.editPermissions(id)}?right-size=${days}`;
}

/** The days of such an address; undefined for one without them. */
export function daysOf(search: string): number | undefined {
  const days = Number(new URLSearchParams(search).get("right-size"));
  return Number.isInteger(days) && days >= 1 && days <= MAX_DAYS ? days : undefined;
}
