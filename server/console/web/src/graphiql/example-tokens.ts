// The tokens that examples made in this browser tab and that are not revoked yet, for CleanUp.
import type { Example } from "./examples.ts";
import { graphiql as text } from "./strings.ts";

/** The parts of an answer that tell of tokens. */
interface Answer {
  data?: Record<string, { __typename?: string; token?: { id?: string } } | null> | null;
}

/** An operation's variables, as far as they tell of an example. */
type Variables = { input?: { name?: string } } | undefined;

/** `ids` after an operation: with the token that it made from an example, without those it revoked. */
export function idsAfter(ids: readonly string[], variables: Variables, answer: Answer): string[] {
  const kept = new Set(ids);
  // A token that got another name is meant to stay.
  const isExample = variables?.input?.name === text.exampleToken;
  for (const part of Object.values(answer.data ?? {})) {
    const id = part?.token?.id;
    if (id === undefined) continue;
    if (part?.__typename === "CreateTokenPayload" && isExample) kept.add(id);
    if (part?.__typename === "RevokeTokenPayload") kept.delete(id);
  }
  return [...kept];
}

/** The operation that revokes these tokens. */
export function cleanUp(ids: readonly string[]): Example {
  const parts = ids.map(
    (id, index) => `  token${index + 1}: revokeToken(input: { tokenId: ${JSON.stringify(id)} }) {
    ...Outcome
  }`,
  );
  return {
    query: `# ${text.cleanUp}
mutation CleanUp {
${parts.join("\n")}
}

fragment Outcome on RevokeTokenResult {
  __typename
  ... on RevokeTokenPayload {
    token {
      id
      name
    }
  }
  ... on Problem {
    code
    message
  }
}`,
  };
}
