// The tokens that examples made in this browser tab and that are not revoked yet, for CleanUp.
import { graphiql as text } from "./strings.ts";

/** The parts of an answer that tell of tokens. */
interface Answer {
  data?: Record<string, { __typename?: string; token?: { id?: string } } | null> | null;
}

/** An operation's variables, as far as they tell of tokens. */
type Variables = { input?: { name?: string; filter?: { ids?: string[] } } } | undefined;

/** `ids` after an operation: with the token that it made from an example, without those it revoked. */
export function idsAfter(ids: readonly string[], variables: Variables, answer: Answer): string[] {
  const kept = new Set(ids);
  // A token that got another name is meant to stay.
  const isExample = variables?.input?.name === text.exampleToken;
  for (const part of Object.values(answer.data ?? {})) {
    const id = part?.token?.id;
    if (part?.__typename === "CreateTokenPayload" && id && isExample) kept.add(id);
    if (part?.__typename === "RevokeTokenPayload" && id) kept.delete(id);
    if (part?.__typename === "RevokeTokensPayload") {
      for (const revoked of variables?.input?.filter?.ids ?? []) kept.delete(revoked);
    }
  }
  return [...kept];
}
