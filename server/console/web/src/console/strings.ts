// The texts that pages and parts of the console share.
import { sentences } from "../isolated.ts";

export const shared = sentences({
  loading: "Loading…",
  loadMore: "Load more",
  goTo: (page: string) => `Go to ${page}`,
  allLoaded: "Nothing more to load.",
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
  sensitive: "Sensitive",
});

/** The titles of the pages, which the navigation shows too. */
export const titles = sentences({
  tokens: "API tokens",
  requests: "Requests",
  activity: "Activity",
  admins: "Admins",
  policy: "Token policy",
  apiChanges: "API changes",
  webhooks: "Webhooks",
  graphiql: "GraphiQL",
  ofTab: (...parts: string[]) => [...parts, "Tessera"].join(" · "),
});
