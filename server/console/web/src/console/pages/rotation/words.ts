// A rotation in words: on the token's page, and after a conflict.
import type {
  OldSecretUseFragment,
  RotationUnderWayFragment,
} from "../../../../generated/operations.ts";
import { formats } from "../../formats.ts";
import { rotation as text } from "./strings.ts";

/** The server lists no more callers of the old secret. */
const MAX_CALLERS = 50;

/** How far it is, and when the old secret ends. */
export function progress(rotation: RotationUnderWayFragment): string {
  const { newHint, oldHint, pickedUpAt, pickedUpFrom, oldSecretEndsAt, latestBy } = rotation;
  if (pickedUpAt === null) {
    const pending = text.pending(newHint, oldHint);
    return latestBy === null ? pending : `${pending} ${text.latestBy(formats.instant(latestBy))}`;
  }
  const at = formats.instant(pickedUpAt);
  const used =
    pickedUpFrom === null
      ? text.pickedUp(newHint, at)
      : text.pickedUpFrom(newHint, at, pickedUpFrom);
  if (oldSecretEndsAt === null) return used;
  return `${used} ${text.oldEnds(oldHint, formats.instant(oldSecretEndsAt))}`;
}

export function progressOf(rotation: RotationUnderWayFragment | null): string {
  return rotation === null ? text.none : progress(rotation);
}

/** The callers of the old secret since the new one was first used; before that, all. */
export function callersOf(rotation: RotationUnderWayFragment): readonly OldSecretUseFragment[] {
  const { pickedUpAt, oldSecretUses } = rotation;
  if (pickedUpAt === null) return oldSecretUses;
  // The last use of a caller is accurate to seconds.
  const since = Math.floor(Date.parse(pickedUpAt) / 1000) * 1000;
  return oldSecretUses.filter(({ lastUsedAt }) => Date.parse(lastUsedAt) >= since);
}

export function countOf(callers: readonly OldSecretUseFragment[]): string {
  const count = formats.count(callers.length, text.callers);
  return callers.length < MAX_CALLERS ? count : text.atLeast(count);
}
