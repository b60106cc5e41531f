"""PostgreSQL's schema can be distributed by tenant: every key of a tenant's rows starts with it.

Citus, CockroachDB and YugabyteDB need the tenant in each unique key; a query by an index without it
asks every node.
"""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

import models
from models.distribution import TABLES
from tests.conftest import settings_for

EXEMPT = {
    "catalogue_version": "it serves all tenants: a row for each document, copied to every node",
    "decision_batch": "it serves all tenants: a row for each flush of an instance",
    "tenant": "it is the tenant: a distributed database copies it to every node",
    "gateway": "it serves all tenants: a few rows, copied to every node",
    "installation_key": "it serves all tenants: a few rows, copied to every node",
    "installation_state": "it serves all tenants: one row, copied to every node",
    "job_lease": "it serves all tenants: a few rows, copied to every node",
    "token_brand": "it serves all tenants: a few rows, copied to every node",
    "tortoise_migrations": "Tortoise's own, which knows nothing of tenants",
}
# Introspection does not know the token's tenant, so its query asks every node.
INTROSPECTION = "digest"
# Its entries are hashes of tenant and text.
SEARCH = "string_to_array(words, ' '::text)"
_COLUMNS = """
SELECT c.relname AS table, a.attname AS column, a.attnotnull AS required
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
"""
_INDEXES = """
SELECT i.indrelid::regclass::text AS table, i.indexrelid::regclass::text AS index,
       i.indisprimary AS is_primary,
       pg_get_indexdef(i.indexrelid, 1, true) AS leads
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = 'public'::regnamespace
"""


@pytest.fixture
async def connection(postgres_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(settings_for(postgres_url).database_url)
    yield connection
    await connection.close()


async def test_every_tenant_table_has_tenant_id(connection: Any) -> None:
    columns = await connection.fetch(_COLUMNS)
    tables = {row["table"] for row in columns}
    with_tenant = {
        row["table"] for row in columns if row["column"] == "tenant_id" and row["required"]
    }
    assert tables - with_tenant == EXEMPT.keys()
    assert with_tenant == {*TABLES, "token_secret"}
    tables_of_tenants = {model._meta.db_table for model in models.TenantRow.__subclasses__()}
    assert with_tenant == {*tables_of_tenants, models.TokenSecret._meta.db_table}


async def test_every_index_of_a_tenant_table_starts_with_tenant_id(connection: Any) -> None:
    indexes = [i for i in await connection.fetch(_INDEXES) if i["table"] not in EXEMPT]
    assert {i["table"] for i in indexes if i["is_primary"]} == {*TABLES, "token_secret"}
    assert {i["leads"] for i in indexes} == {"tenant_id", INTROSPECTION, SEARCH}


async def test_index_that_starts_with_another_column_is_found(connection: Any) -> None:
    await connection.execute("CREATE INDEX astray ON token (name, tenant_id)")
    found = [i["index"] for i in await connection.fetch(_INDEXES) if i["leads"] != "tenant_id"]
    assert "astray" in found
