// GraphiQL's fetcher: one POST per operation, with the session's cookie. No subscriptions. The schema,
// which is the largest answer, is loaded when the editor is there.
import type { Fetcher } from "@graphiql/toolkit";
import { getOperationAST, parse } from "graphql";
import { postGraphQL } from "../graphql.ts";
import { href } from "../base.ts";
import { goToSignIn } from "../session.ts";
import { graphiql } from "./strings.ts";
import { usable } from "./usable.ts";

type Result = Extract<Awaited<ReturnType<Fetcher>>, { data?: unknown }>;

function failure(message: string): Result {
  return { errors: [{ message }] } as unknown as Result;
}

/**
 * The name, if it is that of an operation of the document. GraphiQL notices the operation of another
 * tab with a delay, and until then names that of the tab before, which a comment may name too.
 */
function nameIn(query: string, name: string | null | undefined): string | undefined {
  try {
    return name && getOperationAST(parse(query), name) ? name : undefined;
  } catch {
    return undefined; // The server says what is wrong with the document.
  }
}

/** `onResult` sees each answer before it is shown, with the variables that it answers. */
export function createFetcher(onResult: (result: Result, variables: unknown) => void): Fetcher {
  return async ({ query, variables, operationName }): Promise<Result> => {
    if (operationName === "IntrospectionQuery") await usable;
    let response: Response;
    try {
      response = await postGraphQL({ query, variables, operationName: nameIn(query, operationName) });
    } catch {
      return failure(graphiql.noAnswer);
    }
    if (response.status === 401) {
      goToSignIn(href("/graphiql"));
      return new Promise<Result>(() => {}); // Nothing to show: the page is being left.
    }
    try {
      const result = (await response.json()) as Result;
      onResult(result, variables);
      return result;
    } catch {
      return failure(graphiql.notGraphQL(response.status));
    }
  };
}
