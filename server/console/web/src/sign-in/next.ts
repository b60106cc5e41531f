// Where to go after signing in. The address is anybody's to choose, so it must not lead away.

export const DEFAULT_NEXT = "/";

/** The full address on this server that `next` names, or that of the default. */
export function nextAddress(next: string | null, origin: string): string {
  const fallback = new URL(DEFAULT_NEXT, origin).href;
  if (next === null || !/^\/(?![/\\])/.test(next)) return fallback;
  try {
    const address = new URL(next, origin);
    // The parser drops tabs and line breaks and reads "\" as "/": what counts is what it made of it.
    // The full address goes on, for "/.//host" becomes the path "//host", which alone would lead away.
    return address.origin === origin ? address.href : fallback;
  } catch {
    return fallback;
  }
}
