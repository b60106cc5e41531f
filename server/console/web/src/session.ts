// The session: reads the signed-in account, signs in and out. Uses only the public routes.
import { href } from "./base.ts";
import { roles, session } from "./strings.ts";

export interface Session {
  tenant: { slug: string; name: string };
  admin: { email: string; name: string; role: keyof typeof roles };
  expiresAt: string;
}

export interface Credentials {
  tenant: string;
  email: string;
  password: string;
}

/** A refused request about sessions or passwords: a message for people, and a code. */
export interface Failure {
  message: string;
  /** The server's code, for programs, such as "UNAUTHENTICATED". */
  code?: string;
  field?: string;
  /** Seconds until the next attempt; 0 if waiting does not help. */
  waitSeconds?: number;
}

const ROUTE = "/session";

/** A server that takes longer counts as unreachable. */
export const REQUEST_TIMEOUT_MS = 30_000;

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
  return send("POST", "/invitation", { ...acceptance, transport: "cookie" });
}

/** Whom an invitation is for. */
export interface Invited {
  tenant: { slug: string; name: string };
  admin: { email: string; name: string };
}

export function readInvitation(invitation: string): Promise<Response> {
  return send("POST", "/invitation/details", { invitation });
}

/** Whether the browser kept the session's cookie. */
export async function isSessionKept(): Promise<boolean> {
  try {
    return (await readSession()) !== null;
  } catch {
    return true; // The next page reports the server's problem.
  }
}

function send(method: string, route: string, body: object): Promise<Response> {
  return fetch(href(route), {
    method,
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
}

/** Reads the problem of a refused request (RFC 9457), or makes a generic one. */
export async function explainFailure(response: Response): Promise<Failure> {
  const body = await membersOf(response);
  const said = typeof body["detail"] === "string" && body["detail"] !== "" ? body["detail"] : undefined;
  const field = typeof body["field"] === "string" ? { field: body["field"] } : {};
  const code = typeof body["code"] === "string" ? { code: body["code"] } : {};
  if (response.status === 429) {
    return { message: said ?? session.tooMany, waitSeconds: secondsToWait(response) };
  }
  const unsaid =
    response.status < 500 ? session.refused : session.serverError(response.status);
  return { message: said ?? unsaid, ...field, ...code };
}

async function membersOf(response: Response): Promise<Record<string, unknown>> {
  try {
    return Object(await response.json()) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Retry-After in seconds; the header holds seconds or a date (RFC 9110, 10.2.3). */
function secondsToWait(response: Response): number {
  const header = response.headers.get("Retry-After") ?? "";
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : 0;
}

/** Whole seconds until `end`, in milliseconds since the epoch; 0 afterwards. Counts down the wait. */
export function secondsUntil(end: number): number {
  return Math.max(0, Math.ceil((end - Date.now()) / 1000));
}

/** The signed-in account, or null if signed out. Throws if the server gives no answer. */
export async function readSession(): Promise<Session | null> {
  const response = await fetch(href(ROUTE), {
    credentials: "same-origin",
    headers: { Accept: "application/json" },
  });
  if (response.status === 401) return null;
  if (!response.ok) throw new Error(`GET ${ROUTE}: ${response.status}`);
  return (await response.json()) as Session;
}

/** Ends the session. Throws unless the server confirms it. */
export async function closeSession(): Promise<void> {
  const response = await fetch(href(ROUTE), { method: "DELETE", credentials: "same-origin" });
  // 401: the session had ended already, as requested.
  if (!response.ok && response.status !== 401) throw new Error(`DELETE ${ROUTE}: ${response.status}`);
}

/** The address of this page on this server, to come back to. */
export function currentAddress(): string {
  return location.pathname + location.search;
}

/** Goes to the sign-in page and replaces this history entry, so that "back" shows no old data. */
export function goToSignIn(next?: string): void {
  const query = next === undefined ? "" : `?next=${encodeURIComponent(next)}`;
  location.replace(href("/sign-in") + query);
}
