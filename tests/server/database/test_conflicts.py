"""Conflicting transactions: the isolation level is explicit, and conflicts are retried."""

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

import models
from server import database
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import PASSWORD
from tests.support.postgres import PostgresCluster
from tests.support.surfaces import surfaces


@pytest.fixture(scope="module", params=["repeatable read", "serializable"])
def strict(request: pytest.FixtureRequest) -> Iterator[PostgresCluster]:
    """A server whose default isolation level is serializable."""
    with PostgresCluster({"default_transaction_isolation": request.param}) as running:
        yield running


@pytest.fixture(scope="module")
def strict_url(strict: PostgresCluster) -> str:
    url = strict.create_database_now()
    asyncio.run(database.migrate(settings_for(url)))
    return url


async def test_concurrent_changes_succeed_where_the_default_is_serializable(
    strict_url: str,
) -> None:
    async with running_service(settings_for(strict_url)) as service, surfaces(service) as running:
        created = await asyncio.gather(*(running.create() for _ in range(12)))
        assert [answer.json() for answer in created] == [
            {"data": {"createToken": {"__typename": "CreateTokenPayload"}}}
        ] * 12
        signed_in = await asyncio.gather(*(running.sign_in(PASSWORD) for _ in range(12)))
        assert {answer.status_code for answer in signed_in} == {201}
        checked = await asyncio.gather(*(running.check() for _ in range(40)))
        assert {answer.status_code for answer in checked} == {200}


async def test_conflicting_single_statement_is_retried(strict_url: str) -> None:
    """With a statement cache size in the URL, Tessera sets nothing on connecting, as behind some
    poolers."""
    inheriting = f"{strict_url}?statement_cache_size=5"
    other = await asyncpg.connect(strict_url)
    try:
        async with database.connected(settings_for(inheriting)):
            tenant = await models.Tenant.create(slug="single", name="before", region="us")
            tenants = models.Tenant.filter(id=tenant.id)
            async with other.transaction(isolation="read_committed"):
                await other.execute("UPDATE tenant SET region = 'eu' WHERE slug = 'single'")
                waiting: Any = asyncio.ensure_future(tenants.update(name="after"))
                await until_somebody_waits(other)
            assert await waiting == 1
            assert await tenants.values_list("name", "region") == [("after", "eu")]
    finally:
        await other.close()


async def until_somebody_waits(connection: asyncpg.Connection) -> None:
    for _ in range(500):
        if await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            return
        await asyncio.sleep(0.01)
    pytest.fail("nothing waited for the lock")


async def test_deadlocked_transactions_both_succeed(postgres_url: str) -> None:
    async with database.connected(settings_for(postgres_url)):
        for slug in "ab":
            await models.Tenant.create(slug=slug, name="", region="us")
        met, tries = asyncio.Barrier(2), 0

        @database.retried
        async def add(letter: str, first: str, second: str) -> None:
            nonlocal tries
            tries += 1
            async with database.transaction():
                await append(first, letter)
                if tries <= 2:
                    await met.wait()
                await append(second, letter)

        await asyncio.gather(add("x", "a", "b"), add("y", "b", "a"))
        assert tries == 3
        names = await models.Tenant.all().values_list("name", flat=True)
        assert sorted(map(sorted, names)) == [["x", "y"]] * 2


async def append(slug: str, letter: str) -> None:
    statement = "UPDATE tenant SET name = name || $1 WHERE slug = $2"
    await database.connection().execute_query(statement, [letter, slug])


async def test_repeated_conflicts_become_an_outage(postgres_url: str) -> None:
    async with database.connected(settings_for(postgres_url)):
        tries = 0

        @database.retried
        async def conflict() -> None:
            nonlocal tries
            tries += 1
            await database.connection().execute_query(
                "DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$"
            )

        with pytest.raises(asyncpg.SerializationError) as ended:
            async with database.transaction():
                await conflict()
        assert tries == 1  # only the transaction around it could be retried
        assert database.is_unavailable(ended.value)
        tries = 0
        with pytest.raises(asyncpg.SerializationError):
            await conflict()
        assert tries == 4
