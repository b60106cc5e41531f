// Asks for the effect of a policy on tokens that exist.
import {
  TokenPolicyPreviewDocument,
  type TokenPolicyPreviewQuery,
} from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import type { FieldProblem } from "../../parts/use-form.ts";
import type { Wanted } from "./draft.ts";

export interface Previewed {
  wanted: Wanted;
  preview: Extract<
    TokenPolicyPreviewQuery["tokenPolicyPreview"],
    { __typename: "TokenPolicyPreview" }
  >;
  /** It took the place of one that was out of date. */
  isAnew?: boolean;
}

/** The effect, or the field that is wrong. */
export async function previewOf(wanted: Wanted): Promise<Previewed | FieldProblem> {
  const answer = await request(TokenPolicyPreviewDocument, { ...wanted, after: null });
  const preview = answer.tokenPolicyPreview;
  return preview.__typename === "InvalidInput" ? preview : { wanted, preview };
}
