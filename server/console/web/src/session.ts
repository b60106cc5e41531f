// The session as the pages see it: who is signed in, signing in and out. Only the public routes.

export interface Session {
  tenant: { slug: string; name: string };
  admin: { email: string; name: string; role: string };
  expiresAt: string;
}

export interface Credentials {
  tenant: string;
  email: string;
  password: string;
}

const ROUTE = "/session";

export function openSession(credentials: Credentials): Promise<Response> {
  return fetch(ROUTE, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(credentials),
  });
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
