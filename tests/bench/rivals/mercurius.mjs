// A rival: the page with Fastify, mercurius and graphql-jit: `node mercurius.mjs HOST PORT`.
//
// One statement for the page, and one loader for each relation of its tokens.

import Fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";
import { opaque, POOL, positionOf, readInstants, tenantOf, TOKENS } from "./support.mjs";

const LAST = "f".repeat(32);
const SCHEMA = `
  type Query { tokens(first: Int = 50, after: String): TokenConnection! }
  type TokenConnection { edges: [TokenEdge!]! pageInfo: PageInfo! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type TokenEdge { cursor: String! node: Token! }
  type Token {
    id: ID!
    name: String!
    description: String!
    hint: String!
    revision: Int!
    createdAt: String!
    lastUsedAt: String
    permissions: [Permission!]!
    createdBy: Admin
  }
  type Permission {
    key: String!
    name: String!
    method: String!
    path: String!
    category: PermissionCategory!
  }
  type PermissionCategory { name: String! }
  type Admin { id: ID! name: String! email: String! }
`;
const PAGE = {
  name: "page",
  text: `
    SELECT token.id, token.name, token.description, token.hint, token.revision,
           token.created_at AS "createdAt", used.last_used_at AS "lastUsedAt",
           token.created_by_id
    FROM token
    LEFT JOIN token_last_use AS used ON used.tenant_id = token.tenant_id AND used.id = token.id
    WHERE token.tenant_id = $1 AND token.revoked_at IS NULL AND token.id < $2
    ORDER BY token.id DESC LIMIT $3
  `,
};
const HELD = {
  name: "held",
  text: "SELECT token_id, key FROM token_permission WHERE tenant_id = $1 AND token_id = ANY($2)",
};
const CREATORS = {
  name: "creators",
  text: "SELECT id, name, email FROM admin WHERE tenant_id = $1 AND id = ANY($2)",
};

readInstants();
const pool = new pg.Pool(POOL);
const permissions = await catalogue();

const app = Fastify();
app.get("/readyz", async () => ({}));
app.register(mercurius, {
  schema: SCHEMA,
  jit: 1,
  context: async (request) => {
    const tenantId = await tenantOf(pool, request.headers.authorization);
    if (tenantId === null) throw new mercurius.ErrorWithProps("Sign in.", {}, 401);
    return { tenantId };
  },
  resolvers: { Query: { tokens }, Token: { id: (token) => opaque("Token", token.id) } },
  loaders: {
    Token: {
      // Each token is asked about once in a request, so that a cache would only cost.
      permissions: { loader: loadPermissions, opts: { cache: false } },
      createdBy: { loader: loadCreators, opts: { cache: false } },
    },
  },
});
await app.listen({ host: process.argv[2], port: Number(process.argv[3]) });

async function tokens(_, { first, after }, { tenantId }) {
  const position = after ? positionOf(TOKENS, after) : LAST;
  const { rows } = await pool.query({ ...PAGE, values: [tenantId, position, first + 1] });
  const edges = rows
    .slice(0, first)
    .map((row) => ({ cursor: opaque(TOKENS, row.id), node: row }));
  const endCursor = edges.at(-1)?.cursor ?? null;
  return { edges, pageInfo: { hasNextPage: rows.length > first, endCursor } };
}

async function loadPermissions(queries, { tenantId }) {
  const ids = queries.map(({ obj }) => obj.id);
  const { rows } = await pool.query({ ...HELD, values: [tenantId, ids] });
  const held = new Map(ids.map((id) => [id, []]));
  for (const row of rows) held.get(row.token_id).push(permissions.get(row.key));
  return ids.map((id) => held.get(id).sort((one, other) => one.place - other.place));
}

async function loadCreators(queries, { tenantId }) {
  const ids = queries.map(({ obj }) => obj.created_by_id);
  const { rows } = await pool.query({ ...CREATORS, values: [tenantId, [...new Set(ids)]] });
  const admins = new Map(rows.map((row) => [row.id, { ...row, id: opaque("Admin", row.id) }]));
  return ids.map((id) => admins.get(id) ?? null);
}

async function catalogue() {
  const { rows } = await pool.query("SELECT * FROM catalogue_permission");
  return new Map(rows.map((row) => [row.key, { ...row, category: { name: row.category } }]));
}
