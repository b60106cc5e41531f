// The console's addresses. `routes.py` serves the same page at each of them.
const TOKEN = "/tokens/:id";

/** Patterns for `Route`; `paths` makes the addresses. */
export const patterns = {
  token: TOKEN,
  tokenActivity: `${TOKEN}/activity`,
  tokenUsage: `${TOKEN}/usage`,
  editPermissions: `${TOKEN}/edit-permissions`,
} as const;

export const paths = {
  tokens: "/",
  token: (id: string) => `/tokens/${id}`,
  tokenActivity: (id: string) => `/tokens/${id}/activity`,
  tokenUsage: (id: string) => `/tokens/${id}/usage`,
  editPermissions: (id: string) => `/tokens/${id}/edit-permissions`,
  activity: "/activity",
  admins: "/admins",
  graphiql: "/graphiql",
};
