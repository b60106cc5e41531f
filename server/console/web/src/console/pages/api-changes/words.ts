// What a version changed, in one line.
import type { CatalogueCountsFragment } from "../../../../generated/operations.ts";
import { formats } from "../../formats.ts";
import { apiChanges as text } from "./strings.ts";

type Counts = Pick<
  CatalogueCountsFragment,
  "addedCount" | "removedCount" | "renamedCount" | "movedCount"
>;

/** "3 endpoints added, 1 endpoint removed"; empty for no change. */
export function countsOf(version: Counts): string {
  const counts = [
    [version.addedCount, text.added],
    [version.removedCount, text.removed],
    [version.renamedCount, text.renamed],
    [version.movedCount, text.moved],
  ] as const;
  return counts
    .filter(([count]) => count > 0)
    .map(([count, nouns]) => formats.count(count, nouns))
    .join(", ");
}
