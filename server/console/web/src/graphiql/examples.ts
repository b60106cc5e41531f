// The operations that GraphiQL opens with, a tab each, which run as they are.
import type { GraphiQL } from "graphiql";
import type { ComponentProps } from "react";
import activity from "./examples/activity.graphql?raw";
import createToken from "./examples/create-token.graphql?raw";
import me from "./examples/me.graphql?raw";
import permissions from "./examples/permissions.graphql?raw";
import renameToken from "./examples/rename-token.graphql?raw";
import revokeToken from "./examples/revoke-token.graphql?raw";
import setPermissions from "./examples/set-permissions.graphql?raw";
import tokenActivity from "./examples/token-activity.graphql?raw";
import tokens from "./examples/tokens.graphql?raw";
import { createFetcher } from "./fetcher.ts";
import { graphiql as text } from "./strings.ts";

type Tabs = NonNullable<ComponentProps<typeof GraphiQL>["defaultTabs"]>;

/**
 * Placeholder for the id of the token that CreateToken creates. Never a real token's id: running
 * the revocation example unchanged must not revoke a token in use.
 */
export const TOKEN_PLACEHOLDER = text.tokenPlaceholder;

function input(values: Record<string, unknown>): string {
  return JSON.stringify({ input: values }, null, 2);
}

/** `keys`: permissions of this server's catalogue, so that the examples name ones that exist. */
export function exampleTabs(keys: readonly string[]): Tabs {
  const tokenId = TOKEN_PLACEHOLDER;
  const tabs: Tabs = [
    { query: me }, // First, for GraphiQL leaves the first tab's variables empty.
    { query: tokens, variables: JSON.stringify({ first: 20, after: null, search: null }, null, 2) },
    { query: permissions },
    {
      query: createToken,
      variables: input({
        name: text.exampleToken,
        description: text.exampleDescription,
        permissions: keys.slice(0, 1),
      }),
    },
    { query: setPermissions, variables: input({ tokenId, permissions: keys.slice(0, 2) }) },
    { query: renameToken, variables: input({ tokenId, name: text.exampleRenamed }) },
    { query: tokenActivity },
    { query: revokeToken, variables: input({ tokenId }) },
    { query: activity },
  ];
  return tabs.map((tab) => ({ ...tab, query: tab.query?.trimEnd() ?? null }));
}

interface Catalogue {
  data?: { permissionCategories?: { permissions: { key: string; method: string }[] }[] } | null;
}

/** Read-only permissions for the examples; none if they cannot be loaded. */
export async function readKeys(): Promise<string[]> {
  const query = "query Examples { permissionCategories { permissions { key method } } }";
  const result = (await createFetcher(() => {})({ query })) as Catalogue;
  const permissions = result.data?.permissionCategories?.flatMap((each) => each.permissions) ?? [];
  return permissions.filter(({ method }) => method === "GET").map(({ key }) => key);
}
