// The texts that pages and parts of the console share.

export const shared = {
  loading: "Loading…",
  cancel: "Cancel",
  save: "Save",
  saving: "Saving…",
  none: "—",
  formerAdmin: "Former admin",
  organisation: (name: string) => `${name} (organisation)`,
  tokenGone: "This token has been revoked.",
  tokenCount: { one: "token", other: "tokens" },
  retired: "Retired",
  deprecated: "Deprecated",
};

/** The titles of the pages, which the navigation shows too. */
export const titles = {
  tokens: "API tokens",
  activity: "Activity",
  admins: "Admins",
  graphiql: "GraphiQL",
  ofTab: (...parts: string[]) => [...parts, "Tessera"].join(" · "),
};
