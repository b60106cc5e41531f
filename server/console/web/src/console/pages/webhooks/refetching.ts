// How often the page of a webhook reads it again, so that deliveries are seen as they happen.
import { useState } from "react";

const EVERY_MS = 5_000;
/** Each request prolongs the session: a page left open must not keep it for ever. */
const MAX_WATCHED_MS = 30 * 60_000;

/** For `refetchInterval`, which pauses while the page is hidden. */
export function useRefetching(): () => number | false {
  const [openedAt] = useState(() => Date.now());
  return () => (Date.now() - openedAt < MAX_WATCHED_MS ? EVERY_MS : false);
}
