// One request to the public GraphQL API, by the console and by GraphiQL.

import { href } from "./base.ts";

/** Posts an operation with the session's cookie. Throws if no answer arrives. */
export function postGraphQL(body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(href("/graphql"), {
    method: "POST",
    credentials: "same-origin",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/graphql-response+json, application/json;q=0.9",
    },
    body: JSON.stringify(body),
    signal: signal ?? null,
  });
}
