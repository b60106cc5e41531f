// The path below which this server is reached, such as "/tessera". One build serves any: the server
// writes the path into the pages.

const written = document.querySelector<HTMLMetaElement>('meta[name="base"]');

/** Empty at the root of an origin; without a slash at its end. */
export const base = written?.content ?? "";

/** The address of one of this server's paths, for links and requests beside the router's. */
export function href(path: string): string {
  return base + path;
}

/** Whether a path of this origin is one of this server. */
export function isBelowBase(path: string): boolean {
  return path === base || path.startsWith(`${base}/`);
}
