// A rival: the page with PostGraphile on the same tables: `node postgraphile.mjs HOST PORT`.
//
// `postgraphile.sql` has the comments by which it knows the relations, and the policies by which
// PostgreSQL shows a tenant its own rows.

import { createServer } from "node:http";
import pg from "pg";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { POOL, tenantOf } from "./support.mjs";

const pool = new pg.Pool(POOL);
const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ pool, schemas: ["public"] })],
  grafserv: { graphqlPath: "/graphql", graphiql: false, watch: false },
  grafast: {
    async context({ node }) {
      const tenantId = await tenantOf(pool, node?.req.headers.authorization);
      if (tenantId === null) throw new Error("Sign in.");
      return { pgSettings: { role: "tessera_bench_visitor", "bench.tenant_id": tenantId } };
    },
  },
});
const server = createServer();
await instance.createServ(grafserv).addTo(server);
server.listen(Number(process.argv[3]), process.argv[2]);
