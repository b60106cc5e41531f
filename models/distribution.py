"""Tables keyed by tenant, so that a database can be distributed by tenant without a redesign.

Tortoise knows only primary keys of one column; distributed databases such as Citus need the tenant
in every primary key.
"""

from collections.abc import Iterable

from tortoise.backends.base.client import BaseDBAsyncClient

# `token_secret` has a key of its own: `models.token_secret.find_by_digest`.
TABLES = (
    "access_request",
    "activity",
    "activity_counter",
    "admin",
    "attempt_counter",
    "catalogue_notice",
    "followed_category",
    "invitation",
    "known_address",
    "mail",
    "reminder",
    "secret_use",
    "session",
    "token",
    "token_last_use",
    "token_permission",
    "token_policy",
    "token_refusal",
    "token_rotation",
    "token_search",
    "token_trial",
    "token_use",
    "trial_denial",
    "webhook",
    "webhook_delivery",
    "webhook_event",
)

_KEY_BY_TENANT = """
DO $$
DECLARE redundant text;
BEGIN
    SELECT c.conname INTO STRICT redundant FROM pg_constraint c
    WHERE c.conrelid = '"{table}"'::regclass AND c.contype = 'u'
      AND pg_get_constraintdef(c.oid) = 'UNIQUE (tenant_id, id)';
    EXECUTE format('ALTER TABLE "{table}" DROP CONSTRAINT %I', redundant);
    ALTER TABLE "{table}" DROP CONSTRAINT "{table}_pkey";
    ALTER TABLE "{table}" ADD PRIMARY KEY (tenant_id, id);
END $$;
"""


async def key_by_tenant(client: BaseDBAsyncClient, tables: Iterable[str]) -> None:
    """Make `(tenant_id, id)` the primary key of these tables, in PostgreSQL.

    SQLite cannot alter a primary key and is never distributed: there the unique constraint on the
    same columns serves the queries instead.
    """
    if client.capabilities.dialect == "postgres":
        for table in tables:
            await client.execute_script(_KEY_BY_TENANT.format(table=table))
