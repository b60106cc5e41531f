// One request to the public GraphQL API: returns its data, or throws `Trouble`.
import type { TypedDocumentString } from "../../../generated/operations.ts";
import { postGraphQL } from "../../graphql.ts";
import { currentAddress, goToSignIn, REQUEST_TIMEOUT_MS } from "../../session.ts";
import { session as text } from "../../strings.ts";
import { Trouble } from "../trouble.ts";

interface Answer<Result> {
  data?: Result | null;
  errors?: { message: string; extensions?: { code?: string } }[];
}

/** Signs the user in again; resolves afterwards. */
type SignInAgain = () => Promise<void>;
let signInAgain: SignInAgain = leave;
let signingIn: Promise<void> | undefined;

/** Lets `handler` ask for the password from now on, instead of the sign-in page. */
export function onSessionExpired(handler: SignInAgain): void {
  signInAgain = handler;
}

function leave(): Promise<void> {
  goToSignIn(currentAddress());
  return new Promise(() => {});
}

/**
 * Runs one operation. If the session has ended, the user signs in again and the operation is
 * repeated: the refused attempt changed nothing, and the page keeps its input. Throws `Trouble`.
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
    const body = { query: operation.toString(), variables };
    return await postGraphQL(body, AbortSignal.timeout(REQUEST_TIMEOUT_MS));
  } catch {
    throw new Trouble(text.offline);
  }
}

/** All requests that find the session ended wait for the same sign-in. */
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
    // SyntaxError: not JSON, so an intermediary answered. Any other error: the connection failed.
    if (!(error instanceof SyntaxError)) throw new Trouble(text.offline);
    throw new Trouble(text.serverError(response.status));
  }
}

function dataOf<Result>(response: Response, answer: Answer<Result>): Result {
  const problem = answer.errors?.[0];
  if (problem !== undefined) {
    const code = problem.extensions?.code;
    // Of an old or mistyped link: the server's sentence is for programs.
    throw new Trouble(code === "BAD_CURSOR" ? text.noSuchPage : problem.message, code);
  }
  if (!response.ok || !answer.data) throw new Trouble(text.serverError(response.status));
  return answer.data;
}
