// A rival: the check with better-auth's API keys: `node better_auth.mjs HOST PORT`.
//
// Without arguments it creates better-auth's tables in the database and ends.

import { createServer } from "node:http";
import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import pg from "pg";
import { POOL } from "./support.mjs";

const [host, port] = process.argv.slice(2);
const PREFIX = "/api/v1/devices/";
const RESOURCE = "/api/v1/devices/{device_id}";
const pool = new pg.Pool(POOL);
const auth = betterAuth({
  baseURL: "http://bench.test",
  secret: process.env.TESSERA_DIGEST_KEY,
  database: pool,
  plugins: [apiKey()],
  telemetry: { enabled: false },
});

if (port) {
  createServer(answer).listen(Number(port), host);
} else {
  const { runMigrations } = await getMigrations(auth.options);
  await runMigrations();
  await pool.end();
}

async function answer({ headers, url }, response) {
  const status = url === "/authorize" ? await statusOf(headers) : 404;
  response.writeHead(status, { "content-length": 0 }).end();
}

async function statusOf(headers) {
  if (!headers["x-original-uri"].startsWith(PREFIX)) return 403;
  const permissions = { [RESOURCE]: [headers["x-original-method"]] };
  const key = headers["x-api-key"];
  const { valid } = await auth.api.verifyApiKey({ body: { key, permissions } });
  return valid ? 200 : 403;
}
