// The addresses at which a browser keeps the session's cookie, as in server/access/cookies.py.

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether signing in can work here: by HTTPS, or on this machine itself. */
export function keepsSessions(address: { protocol: string; hostname: string }): boolean {
  return address.protocol === "https:" || LOOPBACK.test(address.hostname);
}
