// The address to go to after signing in. An attacker can choose it, so it must stay on this server.

export const DEFAULT_NEXT = "/";

/** The full address on this server that `next` names, or that of the default. */
export function nextAddress(next: string | null, origin: string): string {
  const fallback = new URL(DEFAULT_NEXT, origin).href;
  if (next === null || !/^\/(?![/\\])/.test(next)) return fallback;
  try {
    const address = new URL(next, origin);
    // Judge the parsed address: the parser drops tabs and line breaks and reads "\" as "/".
    // Return the full address: "/.//host" parses to the path "//host", which alone leads elsewhere.
    return address.origin === origin ? address.href : fallback;
  } catch {
    return fallback;
  }
}
