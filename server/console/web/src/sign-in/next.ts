// The address to go to after signing in. An attacker can choose it, so it must stay on this server.

/** The full address that `next` names, or that of the console; other paths than `base` are foreign. */
export function nextAddress(next: string | null, origin: string, base: string): string {
  const fallback = new URL(`${base}/`, origin).href;
  if (next === null || !/^\/(?![/\\])/.test(next)) return fallback;
  try {
    const address = new URL(next, origin);
    // Judge the parsed address: the parser drops tabs and line breaks, reads "\" as "/" and ends "..".
    // Return the full address: "/.//host" parses to the path "//host", which alone leads elsewhere.
    const isBelow = `${address.pathname}/`.startsWith(`${base}/`);
    return address.origin === origin && isBelow ? address.href : fallback;
  } catch {
    return fallback;
  }
}
