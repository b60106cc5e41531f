// The console's paths. `routes.py` serves the same page at each of them. The router adds the base;
// elsewhere, `href` does.
const TOKEN = "/tokens/:id";

/** Patterns for `Route`; `paths` makes the addresses. */
export const patterns = {
  token: TOKEN,
  tokenActivity: `${TOKEN}/activity`,
  tokenUsage: `${TOKEN}/usage`,
  rightSize: `${TOKEN}/right-size`,
  checkRequest: `${TOKEN}/check`,
  editPermissions: `${TOKEN}/edit-permissions`,
  webhook: "/webhooks/:id",
} as const;

export const paths = {
  tokens: "/",
  token: (id: string) => `/tokens/${id}`,
  tokenActivity: (id: string) => `/tokens/${id}/activity`,
  tokenUsage: (id: string) => `/tokens/${id}/usage`,
  rightSize: (id: string) => `/tokens/${id}/right-size`,
  checkRequest: (id: string) => `/tokens/${id}/check`,
  editPermissions: (id: string) => `/tokens/${id}/edit-permissions`,
  requests: "/requests",
  activity: "/activity",
  activityCsv: "/activity.csv",
  activityNdjson: "/activity.ndjson",
  admins: "/admins",
  policy: "/policy",
  apiChanges: "/api-changes",
  webhooks: "/webhooks",
  webhook: (id: string) => `/webhooks/${id}`,
  graphiql: "/graphiql",
};

/**
 * Matches a path, below the base, with a pattern. Returns the part that the pattern calls `:id`, ""
 * for a pattern without one, and undefined for a path of another pattern.
 */
export function match(path: string, pattern: string): string | undefined {
  const parts = path.split("/");
  const wanted = pattern.split("/");
  const place = wanted.indexOf(":id");
  const isMatch =
    parts.length === wanted.length &&
    wanted.every((part, at) => (at === place ? parts[at] !== "" : part === parts[at]));
  return isMatch ? (parts[place] ?? "") : undefined;
}
