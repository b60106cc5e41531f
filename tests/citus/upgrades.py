"""Upgrades of a database that Citus distributes: `tessera migrate`, and `tessera distribute` again.

`make citus URL=…` runs these; no other command collects them.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import models
from server.database import distribute, distribution, migrate
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import PASSWORD, World
from tests.support.migrations import hold_back, put_back
from tests.support.surfaces import surfaces

_OWN_TABLES = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
AND NOT EXISTS (SELECT 1 FROM pg_dist_shard s WHERE relname LIKE '%\\_' || s.shardid)
"""
_COLOCATED = """
SELECT table_name::text, citus_table_type, colocation_id FROM citus_tables
WHERE table_name::text NOT LIKE 'pg\\_%'
"""
_TENANTS = 40


@pytest.fixture
async def direct(postgres_url: str) -> AsyncIterator[Any]:
    """A connection to a database without tables. Afterwards it has those of this version."""
    connection = await asyncpg.connect(postgres_url)
    for row in await connection.fetch(_OWN_TABLES):
        await connection.execute(f'DROP TABLE "{row[0]}" CASCADE')
    yield connection
    await connection.close()
    await migrate(settings_for(postgres_url))
    await distribute(settings_for(postgres_url))


async def fill(direct: Any) -> None:
    """Tenants with an admin and a token each, in columns that every version since has had."""
    for number in range(_TENANTS):
        tenant_id = await direct.fetchval(
            "INSERT INTO tenant (id, created_at, slug, name, region)"
            " VALUES (gen_random_uuid(), now(), $1, 'T', 'us') RETURNING id",
            f"old-{number}",
        )
        admin_id = await direct.fetchval(
            "INSERT INTO admin (id, created_at, tenant_id, email, name, role)"
            " VALUES (gen_random_uuid(), now(), $1, 'a@example.com', 'A', 'OWNER') RETURNING id",
            tenant_id,
        )
        await direct.execute(
            "INSERT INTO token (id, created_at, tenant_id, name, description, hint, revision,"
            " created_by_id) VALUES (gen_random_uuid(), now(), $1, 'old one', '', 'tsr_', 1, $2)",
            tenant_id,
            admin_id,
        )


@pytest.mark.parametrize("first", ["0013", "0018", "0024"])
async def test_upgraded_database_is_distributed_as_a_new_one(
    direct: Any, postgres_url: str, planted: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    settings, every = settings_for(postgres_url), distribution._DISTRIBUTED
    later = hold_back(planted, first)
    await migrate(settings)
    before = {row[0] for row in await direct.fetch(_OWN_TABLES)}
    with monkeypatch.context() as older:
        older.setattr(distribution, "_DISTRIBUTED", tuple(t for t in every if t in before))
        assert len(await distribute(settings)) > 10
    await fill(direct)
    await put_back(later, postgres_url)
    said = await distribute(settings)
    added = [table for table in every if table not in before]
    assert said == [f"Distributed {table} by its tenant." for table in added]
    assert await distribute(settings) == []
    found = await direct.fetch(_COLOCATED)
    spread = {row[0]: row[2] for row in found if row[1] == "distributed"}
    assert spread.keys() == {*every}
    assert len({*spread.values()}) == 1
    async with running_service(settings) as service, surfaces(service) as running:
        for answer in (
            await running.check(),
            await running.introspect(),
            await running.own_token(),
            await running.create(),
            await running.sign_in(PASSWORD),
        ):
            assert answer.status_code in (200, 201), answer.text
        old = await models.Admin.filter(email="a@example.com").first()
        assert old is not None
        person = await World(service).sign_in(old)
        listed = await running.client.of(person).data("{ tokens { edges { node { name } } } }")
        assert listed == {"tokens": {"edges": [{"node": {"name": "old one"}}]}}
