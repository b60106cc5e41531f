// The examples that GraphiQL offers, which run as they are: the first ones in the tabs that it opens
// with, the others in a menu beside them.
import accessRequests from "./examples/access-requests.graphql?raw";
import activity from "./examples/activity.graphql?raw";
import catalogueVersions from "./examples/catalogue-versions.graphql?raw";
import cleanUp from "./examples/clean-up.graphql?raw";
import createLimitedToken from "./examples/create-limited-token.graphql?raw";
import createToken from "./examples/create-token.graphql?raw";
import describeToken from "./examples/describe-token.graphql?raw";
import dropTrial from "./examples/drop-trial.graphql?raw";
import editPermissions from "./examples/edit-permissions.graphql?raw";
import endRotation from "./examples/end-rotation.graphql?raw";
import enforceTrial from "./examples/enforce-trial.graphql?raw";
import explain from "./examples/explain.graphql?raw";
import findTokens from "./examples/find-tokens.graphql?raw";
import me from "./examples/me.graphql?raw";
import pauseToken from "./examples/pause-token.graphql?raw";
import permissions from "./examples/permissions.graphql?raw";
import previewPermissions from "./examples/preview-permissions.graphql?raw";
import previewTokenPolicy from "./examples/preview-token-policy.graphql?raw";
import recipes from "./examples/recipes.graphql?raw";
import renameToken from "./examples/rename-token.graphql?raw";
import resumeToken from "./examples/resume-token.graphql?raw";
import revokeToken from "./examples/revoke-token.graphql?raw";
import revokeTokens from "./examples/revoke-tokens.graphql?raw";
import rightSize from "./examples/right-size.graphql?raw";
import rotateToken from "./examples/rotate-token.graphql?raw";
import rotations from "./examples/rotations.graphql?raw";
import setHolderMayRotate from "./examples/set-holder-may-rotate.graphql?raw";
import setPermissions from "./examples/set-permissions.graphql?raw";
import setTokenExpiry from "./examples/set-token-expiry.graphql?raw";
import setTokenNetworks from "./examples/set-token-networks.graphql?raw";
import setTokenRateLimit from "./examples/set-token-rate-limit.graphql?raw";
import startTrial from "./examples/start-trial.graphql?raw";
import tokenActivity from "./examples/token-activity.graphql?raw";
import tokens from "./examples/tokens.graphql?raw";
import transferToken from "./examples/transfer-token.graphql?raw";
import trials from "./examples/trials.graphql?raw";
import { createFetcher } from "./fetcher.ts";
import { graphiql as text } from "./strings.ts";

/** A document with one operation, and values for its variables, as JSON. */
export interface Example {
  query: string;
  variables?: string;
}

/**
 * Placeholder for the id of the token that CreateToken creates. Never a real token's id: running
 * the revocation example unchanged must not revoke a token in use.
 */
export const TOKEN_PLACEHOLDER = text.tokenPlaceholder;

const tokenId = TOKEN_PLACEHOLDER;

function example(query: string, variables?: Record<string, unknown>): Example {
  const trimmed = query.trimEnd();
  return variables
    ? { query: trimmed, variables: JSON.stringify(variables, null, 2) }
    : { query: trimmed };
}

function input(query: string, values: Record<string, unknown>): Example {
  return example(query, { input: values });
}

/** The midnight in UTC that many days from today. */
function midnight(days: number): string {
  const day = new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  return `${day}T00:00:00Z`;
}

/** The name of an example's operation, by which a tab and the menu show it. */
export function nameOf({ query }: Example): string {
  return /^(?:query|mutation) (\w+)/m.exec(query)?.[1] ?? "";
}

/** `keys`: permissions of this server's catalogue, so that the examples name ones that exist. */
export function exampleTabs(keys: readonly string[]): Example[] {
  return [
    example(me), // First, for GraphiQL leaves the first tab's variables empty.
    example(tokens, { first: 20, after: null, search: null }),
    example(permissions),
    input(createToken, {
      name: text.exampleToken,
      description: text.exampleDescription,
      permissions: keys.slice(0, 1),
      // So that it ends by itself, a day or two from now, where CleanUp is forgotten.
      expiresAt: midnight(2),
    }),
    input(setPermissions, { tokenId, permissions: keys.slice(0, 2) }),
    input(renameToken, { tokenId, name: text.exampleRenamed }),
    example(tokenActivity),
    input(revokeToken, { tokenId }),
    example(activity),
  ];
}

/** The examples of the menu, in the order of a token's life. `made`: the tokens that examples made. */
export function menuExamples(keys: readonly string[], made: readonly string[]): Example[] {
  return [
    example(findTokens, {
      filter: { states: ["ACTIVE"], unusedSince: midnight(-90) },
      orderBy: "LEAST_RECENTLY_USED",
    }),
    input(createLimitedToken, {
      name: text.exampleToken,
      permissions: keys.slice(0, 1),
      expiresAt: midnight(2),
      networks: ["192.0.2.0/24", "2001:db8::/32"],
      requestsPerHour: 1000,
      holderMayRotate: true,
    }),
    input(editPermissions, { tokenId, grant: keys.slice(1, 3), withdraw: keys.slice(0, 1) }),
    example(explain, {
      tokenId,
      method: "GET",
      url: keys[0]?.split(" ")[1] ?? "/",
      address: "192.0.2.7",
    }),
    example(rightSize, { tokenId, days: 90 }),
    example(previewPermissions, { tokenId, permissions: keys.slice(0, 1), days: 90 }),
    input(describeToken, { tokenId, description: text.exampleDescription }),
    input(setTokenExpiry, { tokenId, expiresAt: midnight(90) }),
    input(setTokenNetworks, { tokenId, networks: ["198.51.100.0/24"] }),
    input(setTokenRateLimit, { tokenId, requestsPerHour: 500 }),
    input(transferToken, { tokenId, toAdminId: null }),
    input(pauseToken, { tokenId }),
    input(resumeToken, { tokenId }),
    input(setHolderMayRotate, { tokenId, holderMayRotate: false }),
    input(rotateToken, { tokenId, drainSeconds: 3600 }),
    example(rotations),
    input(endRotation, { tokenId, keep: "NEW" }),
    input(startTrial, { tokenId, permissions: keys.slice(1, 2), days: 14 }),
    example(trials),
    input(enforceTrial, { tokenId }),
    input(dropTrial, { tokenId }),
    example(accessRequests, { state: "OPEN" }),
    example(previewTokenPolicy, { policy: { maximumLifetimeDays: 90, pauseUnusedAfterDays: 60 } }),
    example(catalogueVersions),
    example(recipes),
    // Another number than theirs: run unchanged, it tells the number and revokes none.
    input(revokeTokens, { filter: { search: text.exampleToken }, expectedCount: 0 }),
    ...(made.length > 0
      ? [input(cleanUp, { filter: { ids: made }, expectedCount: made.length })]
      : []),
  ];
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
