// One request to the public GraphQL API: what it answers, or why there is no answer.
import type { TypedDocumentString } from "../../../generated/operations.ts";
import { goToSignIn, PATIENCE_MS } from "../../session.ts";
import { strings } from "../../strings.ts";

const text = strings.console.trouble;

export type TroubleKind = "offline" | "forbidden" | "server" | "refused";

/** Why there is no answer, in a sentence for people; `kind` is for programs. */
export class Trouble extends Error {
  readonly kind: TroubleKind;

  constructor(kind: TroubleKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** A problem that no field of a form can show: to be thrown, and said as it is. */
export function refused(problem: { message: string }): Trouble {
  return new Trouble("refused", problem.message);
}

interface Answer<Result> {
  data?: Result | null;
  errors?: { message: string; extensions?: { code?: string } }[];
}

/** Signs the person in again; resolves when they are. */
type SignInAgain = () => Promise<void>;
let signInAgain: SignInAgain = leave;
let signingIn: Promise<void> | undefined;

/** Have `handler` ask for the password from now on; until then the sign-in page does. */
export function onSessionExpired(handler: SignInAgain): void {
  signInAgain = handler;
}

function leave(): Promise<void> {
  goToSignIn(location.pathname + location.search);
  return new Promise(() => {});
}

/**
 * Runs one operation. When the session has ended, the person signs in again and it is run once
 * more: nothing was done, so nothing of what they have typed is lost. Throws `Trouble`.
 */
export async function request<Result, Variables>(
  operation: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  for (;;) {
    const response = await send(operation, variables);
    if (response.status === 401) {
      await signedInAgain();
      continue;
    }
    return dataOf(response, await readAnswer<Result>(response));
  }
}

async function send(operation: object, variables: unknown): Promise<Response> {
  try {
    return await fetch("/graphql", {
      method: "POST",
      credentials: "same-origin",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/graphql-response+json, application/json;q=0.9",
      },
      body: JSON.stringify({ query: operation.toString(), variables }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new Trouble("offline", text.offline);
  }
}

/** All requests that find the session ended wait for the same signing in. */
export async function signedInAgain(): Promise<void> {
  signingIn ??= signInAgain().finally(() => {
    signingIn = undefined;
  });
  await signingIn;
}

async function readAnswer<Result>(response: Response): Promise<Answer<Result>> {
  try {
    return (await response.json()) as Answer<Result>;
  } catch (error) {
    // What is no JSON comes from something in between; what breaks off is the connection.
    if (!(error instanceof SyntaxError)) throw new Trouble("offline", text.offline);
    throw new Trouble("server", text.server(response.status));
  }
}

function dataOf<Result>(response: Response, answer: Answer<Result>): Result {
  const problem = answer.errors?.[0];
  if (problem !== undefined) {
    const forbidden = problem.extensions?.code === "FORBIDDEN";
    throw new Trouble(forbidden ? "forbidden" : "server", problem.message);
  }
  if (!response.ok || !answer.data) throw new Trouble("server", text.server(response.status));
  return answer.data;
}
