"""The PostgreSQL server of the tests: starts anywhere, freezes, crashes, and cleans up."""

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import psutil
import pytest

from tests.conftest import TEMPLATE
from tests.support import postgres as support
from tests.support.blank_databases import MAX_BYTES, BlankDatabases
from tests.support.postgres import PostgresCluster, PostgresServer, server_at


def ask(url: str, question: str, timeout_seconds: float = 60) -> Any:
    """One query on a connection of its own."""

    async def work() -> Any:
        connection = await asyncpg.connect(url, timeout=timeout_seconds)
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    return asyncio.run(work())


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    with PostgresCluster() as running:
        yield running


def test_server_is_private_and_folds_the_case_of_all_letters(cluster: PostgresCluster) -> None:
    url = cluster.create_database_now()
    assert cluster.port != 5432
    assert ask(url, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(url, "SELECT lower('ÄÉ')") == "äé"
    with pytest.raises(asyncpg.InvalidPasswordError):
        ask(url.replace(cluster.password, "wrong"), "SELECT 1")
    cluster.drop_database_now(url)


async def test_database_is_copied_and_dropped(cluster: PostgresCluster) -> None:
    original = await cluster.create_database("original")
    connection = await asyncpg.connect(original)
    await connection.execute("CREATE TABLE fact AS SELECT 'kept' AS word")
    await connection.close()
    copy = await cluster.create_database(template="original")
    connection = await asyncpg.connect(copy)
    assert await connection.fetchval("SELECT word FROM fact") == "kept"
    assert "kept" in cluster.dump(copy)
    await cluster.drop_database(copy)  # in spite of an open connection
    await cluster.drop_database(copy)
    await cluster.drop_database(original)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(copy)
    connection.terminate()


def test_databases_can_be_created_inside_an_event_loop(cluster: PostgresCluster) -> None:
    async def inside() -> str:
        return cluster.create_database_now('odd "name"')

    url = asyncio.run(inside())
    assert ask(url, "SELECT current_database()") == 'odd "name"'
    cluster.drop_database_now(url)


def test_paused_server_answers_nothing_until_resumed(cluster: PostgresCluster) -> None:
    url = cluster.create_database_now()

    async def work() -> None:
        connection = await asyncpg.connect(url)
        cluster.pause()
        try:
            answer = asyncio.ensure_future(connection.fetchval("SELECT 1"))
            done, _ = await asyncio.wait({answer}, timeout=0.3)
            assert not done
        finally:
            cluster.resume()
        assert await answer == 1
        await connection.close()

    asyncio.run(work())
    cluster.drop_database_now(url)


def test_committed_rows_survive_a_crash(cluster: PostgresCluster) -> None:
    url = cluster.create_database_now()
    ask(url, "CREATE TABLE fact AS SELECT 1 AS one")
    cluster.stop("immediate")
    with pytest.raises(OSError, match=r"refused|failed"):
        ask(url, "SELECT 1")
    cluster.start()
    assert ask(url, "SELECT one FROM fact") == 1
    cluster.drop_database_now(url)


def test_nothing_is_left_behind_by_a_paused_server() -> None:
    with PostgresCluster() as cluster:
        folder = cluster.folder
        postmaster = psutil.Process(cluster._server().pid)
        family = [postmaster, *postmaster.children(recursive=True)]
        cluster.pause()
    assert not folder.exists()
    assert not any(process.is_running() for process in family)


def test_bundled_server_works_without_an_installed_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(support, "_system_binaries", lambda: None)
    with PostgresCluster() as cluster:
        assert ask(cluster.url("postgres"), "SELECT lower('Ä')") == "ä"


def test_existing_server_is_used_by_url() -> None:
    named = server_at("postgres://me:p%40ss@db.example:6543/")
    assert named.url("a b") == "postgres://me:p%40ss@db.example:6543/a%20b"
    with pytest.raises(ValueError, match="TESSERA_TEST_POSTGRES_URL"):
        server_at("mysql://db.example/")


# Databases that are used again

A_TENANT = "INSERT INTO tenant (id, created_at, slug, name, region) VALUES"
A_TENANT += " (gen_random_uuid(), now(), 'acme', 'Acme', 'us')"


@pytest.fixture
def databases(postgres: PostgresServer) -> Iterator[BlankDatabases]:
    databases = BlankDatabases(postgres, TEMPLATE)
    yield databases
    databases.close()


def test_a_database_that_was_filled_is_empty_for_the_next_test(databases: BlankDatabases) -> None:
    url = databases.take()
    assert databases.take() != url, "each is with one test"
    ask(url, A_TENANT)
    databases.give_back(url)
    assert databases.take() == url
    assert ask(url, "SELECT count(*) FROM tenant") == 0
    assert ask(url, "SELECT count(*) FROM tortoise_migrations") > 5


async def test_a_connection_that_a_test_left_open_is_ended(databases: BlankDatabases) -> None:
    url = databases.take()
    left = await asyncpg.connect(url)
    await left.execute(f"BEGIN; {A_TENANT}")
    databases.give_back(url)
    assert databases.take() == url
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await left.execute("COMMIT")
    left.terminate()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE session RENAME TO gone",
        "ALTER TABLE session RENAME COLUMN digest TO gone",
        "ALTER TABLE session ALTER COLUMN digest DROP NOT NULL",
        "DROP INDEX idx_token_live",
        "CREATE TABLE planted (id int)",
        "CREATE FUNCTION planted() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "GRANT SELECT ON token TO public",
        "ALTER DATABASE {name} SET statement_timeout = 1",
        "ALTER DATABASE {name} CONNECTION LIMIT 0",
        "DELETE FROM tortoise_migrations WHERE name = (SELECT max(name) FROM tortoise_migrations)",
        "UPDATE tortoise_migrations SET name = name || 'x'",
        "DROP DATABASE {name} WITH (FORCE)",
        # A database that has grown: its dead rows would slow the next test.
        A_TENANT.partition(" VALUES")[0] + " SELECT gen_random_uuid(), now(), n::text, 'Acme', 'us'"
        f" FROM generate_series(1, {MAX_BYTES // 64}) n",
    ],
)
def test_a_database_that_is_no_longer_as_it_was_is_replaced(
    postgres: PostgresServer, databases: BlankDatabases, change: str
) -> None:
    url = databases.take()
    name = url.rpartition("/")[2]
    change = change.replace("{name}", name)
    ask(postgres.url("postgres") if "DATABASE" in change else url, change)
    databases.give_back(url)
    assert databases.take() != url
    left = f"SELECT count(*) FROM pg_database WHERE datname = '{name}'"
    assert ask(postgres.url("postgres"), left) == 0
