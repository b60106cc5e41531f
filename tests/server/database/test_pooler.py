"""Behind a real pgbouncer in transaction mode, where no statement may depend on session state."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager

import asyncpg
import httpx2
import pytest

import models
from server import database
from server.database.reach import reaching_as, reaching_every_tenant
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import PASSWORD
from tests.support.pgbouncer import PgBouncer, follows_statements, pgbouncer
from tests.support.postgres import PostgresCluster
from tests.support.process import tessera
from tests.support.row_security import secure
from tests.support.surfaces import Surfaces, surfaces

# Newer versions of pgbouncer prepare statements of their clients under names of their own.
_STATEMENTS = "SELECT name FROM pg_prepared_statements WHERE name NOT LIKE 'PGBOUNCER_%'"


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    with PostgresCluster({"default_transaction_isolation": "serializable"}) as running:
        yield running


@pytest.fixture(scope="module")
def pooler(cluster: PostgresCluster) -> Iterator[PgBouncer]:
    with pgbouncer(cluster) as running:
        yield running


@pytest.fixture(scope="module")
def pooled_url(cluster: PostgresCluster, pooler: PgBouncer) -> str:
    """A database migrated through pgbouncer by two commands at once and then once more."""
    url = pooler.url(cluster.create_database_now())
    for _ in range(2):
        done = tessera("migrate", database_url=url)
        assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "The database is up to date.\n"
    return url


@asynccontextmanager
async def served(url: str) -> AsyncIterator[Surfaces]:
    async with running_service(settings_for(url)) as service, surfaces(service) as running:
        yield running


# The last only where the pooler can keep statements of its clients apart.
_SUFFIXES = ["", "?statement_cache_size=0"]
_SUFFIXES += ["?statement_cache_size=100"] if follows_statements() else []


@pytest.mark.parametrize("suffix", _SUFFIXES)
async def test_many_concurrent_requests_of_every_kind_are_answered(
    pooler: PgBouncer, pooled_url: str, suffix: str
) -> None:
    """More clients than server connections: each transaction may run in another session."""
    async with served(pooled_url + suffix) as running:
        for _ in range(3):
            answers = await asyncio.gather(
                *(running.check() for _ in range(24)),
                *(running.create() for _ in range(4)),
                *(running.viewer() for _ in range(4)),
                *(running.introspect() for _ in range(2)),
                *(running.ready() for _ in range(2)),
            )
            assert {answer.status_code for answer in answers} == {200}
        assert await models.Token.filter(tenant_id=running.tenant.id).count() == 13


async def test_pooler_is_detected_by_its_process_id(
    cluster: PostgresCluster, pooled_url: str
) -> None:
    direct_url = cluster.url(pooled_url.rpartition("/")[2])
    for url, in_transaction in ((pooled_url, True), (direct_url, False)):
        async with (
            database.connected(settings_for(url)),
            database.own_pool(1).statement() as connection,
        ):
            assert connection.is_in_transaction() == in_transaction


async def test_transactions_set_their_isolation_level_behind_a_pooler(pooled_url: str) -> None:
    async with database.connected(settings_for(pooled_url)), database.transaction() as client:
        _, rows = await client.execute_query("SELECT current_setting('transaction_isolation') AS x")
        assert rows[0]["x"] == "read committed"
    async with database.connected(settings_for(pooled_url)):
        query = "SELECT current_setting('transaction_isolation') AS x"
        _, rows = await database.connection().execute_query(query)
        assert rows[0]["x"] == "read committed"


async def test_no_session_state_reaches_the_next_client(pooled_url: str) -> None:
    async with served(pooled_url) as running:
        await asyncio.gather(*(running.check() for _ in range(30)))
        await asyncio.gather(*(running.create() for _ in range(10)))
    connection = await asyncpg.connect(pooled_url, statement_cache_size=0)
    try:
        for _ in range(5):
            async with connection.transaction():
                assert await connection.fetch(_STATEMENTS) == []
                locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
                assert await connection.fetchval(locks) == 0
    finally:
        await connection.close()


async def test_row_level_security_keeps_tenants_apart_behind_a_pooler(
    cluster: PostgresCluster, pooler: PgBouncer
) -> None:
    """Requests of two tenants share sessions of the server, and nothing is left in them."""
    direct = await cluster.create_database()
    await database.migrate(settings_for(direct))
    url = pooler.url(await secure(direct))
    with reaching_every_tenant():
        async with (
            running_service(settings_for(url)) as service,
            surfaces(service) as one,
            surfaces(service) as other,
        ):
            with reaching_as(None):
                asked = [one.viewer, other.viewer] * 3
                pages = await asyncio.gather(*(ask() for ask in asked), *(_checks(one, other)))
                assert {page.status_code for page in pages} == {200}
                people = [page.json()["data"]["viewer"]["id"] for page in pages[:6]]
                assert people == [one.person.id, other.person.id] * 3
            connection = await asyncpg.connect(url, statement_cache_size=0)
            found = [await connection.fetchval("SELECT count(*) FROM token") for _ in range(9)]
            await connection.close()
            assert found == [0] * 9


def _checks(*running: Surfaces) -> Iterator[Awaitable[httpx2.Response]]:
    for one in running:
        yield from (one.check() for _ in range(10))


async def test_concurrent_sign_ins_work_on_few_connections(pooled_url: str) -> None:
    async with served(pooled_url) as running:
        answers = await asyncio.gather(*(running.sign_in(PASSWORD) for _ in range(8)))
        assert {answer.status_code for answer in answers} <= {201, 429}
        assert 201 in {answer.status_code for answer in answers}


def test_setting_refused_by_the_pooler_is_reported_in_one_sentence(pooled_url: str) -> None:
    done = tessera("serve", "--port", "0", database_url=f"{pooled_url}?options=-cwork_mem%3D1MB")
    assert done.returncode == 1
    says = (
        r"tessera: The database refuses: unsupported startup parameter(: options| in .*work_mem)\n"
    )
    assert re.fullmatch(says, done.stderr)


async def test_lists_are_planned_as_such_for_their_transaction_alone(pooled_url: str) -> None:
    setting = "SELECT current_setting('enable_sort')"
    async with running_service(settings_for(pooled_url)):
        for _ in range(5):
            [[of_list], [of_other]] = [
                *await database.fetch(setting, []),
                *await database.fetch(setting, [], may_sort=True),
            ]
            assert (of_list, of_other) == ("off", "on")
            [single] = (await database.connection().execute_query(setting))[1]
            assert single[0] == "on"
