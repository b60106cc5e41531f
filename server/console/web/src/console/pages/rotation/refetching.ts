// How often the page of a token reads it again: the steps of a rotation and the counts of a trial.
import { useState } from "react";

const EVERY_MS = 5_000;
/** Each request prolongs the session: a page left open must not keep it for ever. */
const MAX_WATCHED_MS = 30 * 60_000;

interface Reading {
  state: { data?: { token: { rotation: unknown; trial: unknown } | null } | undefined };
}

/** For `refetchInterval`, which pauses while the page is hidden. */
export function useRefetching(): (reading: Reading) => number | false {
  const [openedAt] = useState(() => Date.now());
  return ({ state }) => {
    const token = state.data?.token;
    const isUnderWay = Boolean(token?.rotation) || Boolean(token?.trial);
    return isUnderWay && Date.now() - openedAt < MAX_WATCHED_MS ? EVERY_MS : false;
  };
}
