// The parts that the rivals on Node share: the pool, the session, and the contract's identifiers.

import { createHmac } from "node:crypto";
import pg from "pg";

export const TOKENS = "tokens";
const CONNECTIONS = 10;
const IDLE_SECONDS = Number(process.env.BENCH_IDLE_SECONDS);
const DIGEST_KEY = Buffer.from(process.env.TESSERA_DIGEST_KEY ?? "", "hex");
const SESSION = {
  name: "session",
  text: `
    SELECT session.admin_id FROM session
    JOIN admin ON admin.tenant_id = session.tenant_id AND admin.id = session.admin_id
    WHERE session.tenant_id = $1 AND session.digest = $2
      AND session.expires_at > now() AND session.last_seen_at > now() - $3 * interval '1 second'
  `,
};

/** Settings of a pool; every rival has as many connections. */
export const POOL = {
  connectionString: process.env.TESSERA_DATABASE_URL,
  max: CONNECTIONS,
  options: "-c timezone=UTC",
};

/** The tenant of a request with a valid session, else null. */
export async function tenantOf(pool, authorization = "") {
  const secret = authorization.replace(/^Bearer /, "");
  const digest = createHmac("sha256", DIGEST_KEY).update(`session\0${secret}`).digest();
  const tenantId = Buffer.from(secret, "base64url").subarray(0, 16).toString("hex");
  if (tenantId.length !== 32) return null;
  const found = await pool.query({ ...SESSION, values: [tenantId, digest, IDLE_SECONDS] });
  return found.rowCount === 1 ? tenantId : null;
}

/** An identifier or a cursor in the contract's form. */
export function opaque(kind, uuid) {
  return Buffer.from(`${kind}:${uuid.replaceAll("-", "")}`).toString("base64url");
}

/** The UUID of a cursor of `kind`. */
export function positionOf(kind, cursor) {
  const [of, hexadecimal] = Buffer.from(cursor, "base64url").toString().split(":");
  if (of !== kind) throw new Error("a cursor of another list");
  return hexadecimal;
}

/** Reads instants in the contract's form: six decimals, or none. */
export function readInstants() {
  pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => {
    const [whole, fraction] = text.replace(" ", "T").replace("+00", "").split(".");
    return fraction ? `${whole}.${fraction.padEnd(6, "0")}Z` : `${whole}Z`;
  });
}
