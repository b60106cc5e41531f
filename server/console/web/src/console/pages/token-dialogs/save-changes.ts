// Saves a changed name and description of a token.
import {
  DescribeTokenDocument,
  RenameTokenDocument,
  type TokenRowFragment,
} from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";

export interface Draft {
  name: string;
  description: string;
}

/** The result of saving; the next attempt starts from `token`. */
export type Saved = { token: TokenRowFragment } & (
  | { kind: "saved" | "conflict" | "gone" }
  | { kind: "invalid"; field: string; message: string }
);

/**
 * Sends each change as its own request. The second continues from the revision of the first, and so
 * does the next attempt if the second fails: `onToken` receives the token after each change.
 */
export async function saveChanges(
  base: TokenRowFragment,
  draft: Draft,
  onToken: (token: TokenRowFragment) => void,
): Promise<Saved> {
  let token = base;
  const of = () => ({ tokenId: token.id, ifRevision: token.revision });
  if (draft.name !== token.name) {
    const { renameToken } = await request(RenameTokenDocument, {
      input: { ...of(), name: draft.name },
    });
    const outcome = outcomeOf(token, renameToken);
    if (outcome.kind !== "saved") return outcome;
    token = outcome.token;
    onToken(token);
  }
  if (draft.description !== token.description) {
    const { describeToken } = await request(DescribeTokenDocument, {
      input: { ...of(), description: draft.description },
    });
    return outcomeOf(token, describeToken);
  }
  return { kind: "saved", token };
}

type Answer =
  | { __typename: "RenameTokenPayload" | "DescribeTokenPayload"; token: TokenRowFragment }
  | { __typename: "RevisionConflict"; token: TokenRowFragment }
  | { __typename: "InvalidInput"; field: string; message: string }
  | { __typename: "NotFound"; message: string };

function outcomeOf(before: TokenRowFragment, answer: Answer): Saved {
  switch (answer.__typename) {
    case "RevisionConflict":
      return { kind: "conflict", token: answer.token };
    case "InvalidInput":
      return { ...answer, kind: "invalid", token: before };
    case "NotFound":
      return { kind: "gone", token: before };
    default:
      return { kind: "saved", token: answer.token };
  }
}
