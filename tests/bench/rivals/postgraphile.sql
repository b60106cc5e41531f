-- What PostGraphile needs beside the rows: relations, as smart comments, and policies.
-- The owner of the tables, as whom all other servers connect, is under no policy.

COMMENT ON TABLE token IS E'@foreignKey (tenant_id, created_by_id) references admin (tenant_id, id)|@fieldName createdBy\n@foreignKey (tenant_id, id) references token_last_use (tenant_id, id)|@fieldName lastUse';
COMMENT ON TABLE token_permission IS E'@foreignKey (tenant_id, token_id) references token (tenant_id, id)|@foreignFieldName held\n@foreignKey (key) references catalogue_permission (key)|@fieldName permission';

DO $$ BEGIN
    CREATE ROLE tessera_bench_visitor;
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;
GRANT SELECT ON token, token_permission, token_last_use, admin, catalogue_permission TO tessera_bench_visitor;
ALTER TABLE token ENABLE ROW LEVEL SECURITY;
ALTER TABLE token_permission ENABLE ROW LEVEL SECURITY;
ALTER TABLE token_last_use ENABLE ROW LEVEL SECURITY;
ALTER TABLE admin ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON token TO tessera_bench_visitor
    USING (tenant_id = current_setting('bench.tenant_id')::uuid AND revoked_at IS NULL);
CREATE POLICY own ON token_permission TO tessera_bench_visitor
    USING (tenant_id = current_setting('bench.tenant_id')::uuid);
CREATE POLICY own ON token_last_use TO tessera_bench_visitor
    USING (tenant_id = current_setting('bench.tenant_id')::uuid);
CREATE POLICY own ON admin TO tessera_bench_visitor
    USING (tenant_id = current_setting('bench.tenant_id')::uuid);
