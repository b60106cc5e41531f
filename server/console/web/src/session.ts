// The session as the pages see it: who is signed in, signing in and out. Only the public routes.
import { strings } from "./strings.ts";

export interface Session {
  tenant: { slug: string; name: string };
  admin: { email: string; name: string; role: keyof typeof strings.console.role };
  expiresAt: string;
}

export interface Credentials {
  tenant: string;
  email: string;
  password: string;
}

/** Why a request about sessions or passwords was refused: for people, and what it is about. */
export interface Failure {
  message: string;
  /** For programs: the server's name for it, such as "UNAUTHENTICATED". */
  code?: string;
  field?: string;
  /** How long to wait before trying again; 0 where waiting does not help. */
  waitSeconds?: number;
}

const ROUTE = "/session";

/** How long an answer is waited for; then the server counts as out of reach. */
export const PATIENCE_MS = 30_000;

export function openSession(credentials: Credentials): Promise<Response> {
  return send("POST", ROUTE, credentials);
}

export function setPassword(passwords: {
  currentPassword: string;
  newPassword: string;
}): Promise<Response> {
  return send("PUT", "/password", passwords);
}

export function acceptInvitation(acceptance: {
  invitation: string;
  password: string;
}): Promise<Response> {
  return send("POST", "/invitation", acceptance);
}

function send(method: string, route: string, body: object): Promise<Response> {
  return fetch(route, {
    method,
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
}

/** What the server says of a request that it refused (RFC 9457), or what can be said without it. */
export async function explainFailure(response: Response): Promise<Failure> {
  const body = await membersOf(response);
  const said = typeof body["detail"] === "string" && body["detail"] !== "" ? body["detail"] : undefined;
  const field = typeof body["field"] === "string" ? { field: body["field"] } : {};
  const code = typeof body["code"] === "string" ? { code: body["code"] } : {};
  if (response.status === 429) {
    return { message: said ?? strings.signIn.tooMany, waitSeconds: secondsToWait(response) };
  }
  const unsaid =
    response.status < 500 ? strings.signIn.refused : strings.signIn.serverError(response.status);
  return { message: said ?? unsaid, ...field, ...code };
}

async function membersOf(response: Response): Promise<Record<string, unknown>> {
  try {
    return Object(await response.json()) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Retry-After in seconds: it is a number of them or a date (RFC 9110, 10.2.3). */
function secondsToWait(response: Response): number {
  const header = response.headers.get("Retry-After") ?? "";
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : 0;
}

/** Who is signed in: null when nobody is; throws when the server cannot tell. */
export async function readSession(): Promise<Session | null> {
  const response = await fetch(ROUTE, {
    credentials: "same-origin",
    headers: { Accept: "application/json" },
  });
  if (response.status === 401) return null;
  if (!response.ok) throw new Error(`GET ${ROUTE}: ${response.status}`);
  return (await response.json()) as Session;
}

/** Ends the session; throws when the server did not say that it has ended. */
export async function closeSession(): Promise<void> {
  const response = await fetch(ROUTE, { method: "DELETE", credentials: "same-origin" });
  // 401: it had ended already, which is what was asked for.
  if (!response.ok && response.status !== 401) throw new Error(`DELETE ${ROUTE}: ${response.status}`);
}

/** Leaves for the sign-in page, in place of this page in the history: "back" shows no old data. */
export function goToSignIn(next?: string): void {
  location.replace(next === undefined ? "/sign-in" : `/sign-in?next=${encodeURIComponent(next)}`);
}
