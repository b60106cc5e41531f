"""Transactions and connections: commit and rollback, cancellation, locks, and errors of outages.

`tests.test_races_of_tokens` and `tests.test_races_of_admins` cover concurrent changes.
"""

import asyncio
import sqlite3
import ssl
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError, OperationalError

import models
from server import database
from server.database.sqlite.engine import has_full_text_index
from server.errors import Misconfigured
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import World
from tests.support.process import tessera_environment


async def test_transaction_commits_all_or_nothing(service: Service, world: World) -> None:
    async def fail_half_way() -> None:
        async with database.transaction():
            await world.tenant("never")
            assert await models.Tenant.filter(slug="never").exists()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_half_way()
    assert not await models.Tenant.filter(slug="never").exists()
    async with database.transaction():
        await world.tenant("kept")
    assert await models.Tenant.filter(slug="kept").exists()


@pytest.fixture
async def quiet(database_url: str) -> AsyncIterator[None]:
    """Each kind of database, without TLS: asyncpg logs every cancelled handshake."""
    quiet_url = database_url + ("?sslmode=disable" if database_url.startswith("postgres") else "")
    async with database.connected(settings_for(quiet_url)):
        await database.ping()
        yield


async def test_task_cancelled_while_starting_a_transaction_returns_its_connection(
    quiet: None,
) -> None:
    """Tortoise itself would keep it, so that cancellations would exhaust the pool."""
    ended = []

    async def work(number: int) -> None:
        async with database.transaction():
            await models.Tenant.create(slug=f"t{number}", name="T", region="us")

    for number in range(200):
        if number % 5:  # then a connection is open, and the `BEGIN` is cancelled
            await asyncio.wait_for(database.ping(), 5)
        task = asyncio.create_task(work(number))
        for _ in range(number % 40):
            await asyncio.sleep(0)
        if number % 4 == 0:  # the database takes time, not turns of the event loop
            await asyncio.sleep(number % 20 / 10_000)
        task.cancel()
        ended.append((await asyncio.gather(task, return_exceptions=True))[0])
    assert {type(end) for end in ended} <= {asyncio.CancelledError, type(None)}
    assert sum(isinstance(end, asyncio.CancelledError) for end in ended) > 10

    async with asyncio.timeout(5):
        await asyncio.gather(*(work(number) for number in range(1000, 1020)))
    done = ended.count(None) + 20
    assert done <= await models.Tenant.all().count() < 220


async def test_task_that_survives_the_cancellation_can_use_the_pool(
    quiet: None,
) -> None:
    async def cancelled_and_goes_on() -> bool:
        pool = database.connection()
        try:
            async with database.transaction():
                await asyncio.sleep(10)
        except asyncio.CancelledError:
            return database.connection() is pool
        return False

    for turns in range(30):
        task = asyncio.create_task(cancelled_and_goes_on())
        for _ in range(turns + 1):
            await asyncio.sleep(0)
        task.cancel()
        assert await task


# Reads, then writes a value computed from it. With SQLite's deferred transactions the write fails
# if another process has written in between.
_COUNT_UP = """
import asyncio, sys
import models
from server import database
from server.database import connections
from server.settings import Settings

async def count_up():
    async with database.connected(Settings(sys.argv[1])):
        for _ in range(int(sys.argv[2])):
            async with database.transaction():
                token = await models.Token.get()
                token.revision += 1
                await token.save(update_fields=["revision"])

asyncio.run(count_up())
"""


async def test_two_processes_write_to_one_sqlite_database_without_loss_or_error(
    sqlite_url: str,
) -> None:
    async with running_service(settings_for(sqlite_url)) as service:
        world = World(service)
        await world.token(await world.person())
    command = [sys.executable, "-c", _COUNT_UP, sqlite_url, "300"]
    processes = [
        await asyncio.create_subprocess_exec(*command, env=tessera_environment(), stderr=PIPE)
        for _ in range(2)
    ]
    complaints = [(await process.communicate())[1] for process in processes]
    assert complaints == [b"", b""]
    async with database.connected(settings_for(sqlite_url)):
        assert (await models.Token.get()).revision == 601


async def test_locked_sqlite_database_is_unavailable_until_released(
    sqlite_url: str,
) -> None:
    async with database.connected(settings_for(sqlite_url)):
        await database.connection().execute_query("PRAGMA busy_timeout=50")
        with closing(sqlite3.connect(urlsplit(sqlite_url).path)) as other:
            other.execute("BEGIN IMMEDIATE")
            for _ in range(3):
                with pytest.raises(OperationalError) as refused:
                    async with database.transaction():
                        pytest.fail("two writers at once")
                assert database.is_unavailable(refused.value)
            assert await models.Tenant.all().count() == 0
            other.rollback()
        async with database.transaction():
            await models.Tenant.create(slug="t", name="T", region="us")


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        ConnectionRefusedError(111, "Connection refused"),
        ssl.SSLCertVerificationError(1, "certificate verify failed"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 12"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.InvalidPasswordError("password authentication failed"),
        asyncpg.InvalidCatalogNameError("database does not exist"),
        asyncpg.ReadOnlySQLTransactionError("cannot execute UPDATE in a read-only transaction"),
        asyncpg.SerializationError("could not serialize access due to concurrent update"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.InsufficientPrivilegeError("permission denied for table token"),
        database.ReadOnlyDatabase(),
    ],
    ids=repr,
)
def test_outage_errors_are_recognised(error: Exception) -> None:
    assert database.is_unavailable(error)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError(asyncpg.UndefinedColumnError('column "blocked_until" does not exist')),
        OperationalError(sqlite3.OperationalError("no such column: disk")),
        IntegrityError(asyncpg.UniqueViolationError("duplicate key")),
        ValueError("out of range"),
        KeyError("locked"),
    ],
    ids=repr,
)
def test_programming_errors_are_no_outage(error: Exception) -> None:
    assert not database.is_unavailable(error)


async def test_unencodable_value_is_no_outage(postgres_url: str) -> None:
    async with database.connected(settings_for(postgres_url)):
        with pytest.raises(OperationalError, match="invalid input") as refused:
            await database.connection().execute_query("SELECT $1::int", ["one"])
    assert not database.is_unavailable(refused.value)


def test_sqlite_without_full_text_search_is_refused() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        assert has_full_text_index(connection)
        assert not connection.in_transaction
        connection.set_authorizer(
            lambda action, *_: (
                sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_CREATE_VTABLE else sqlite3.SQLITE_OK
            )
        )
        assert not has_full_text_index(connection)


async def test_file_that_is_no_database_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    async with database.connected(settings_for(f"sqlite://{tmp_path}/empty")):
        await database.ping()
    for content in (b"x", b"SQLite format 4\0" + bytes(500)):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(Misconfigured, match="no SQLite database"):
            async with database.connected(settings_for(f"sqlite://{tmp_path}/other")):
                pytest.fail("it was used")
        assert (tmp_path / "other").read_bytes() == content


async def test_reconnecting_keeps_the_locks_on_the_write_ahead_log(
    tmp_path: Path,
) -> None:
    """Closing any file descriptor of the database drops all POSIX locks of the process."""
    settings = settings_for(f"sqlite://{tmp_path}/tessera.db")
    await database.migrate(settings)
    writes = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
    writes += "c.execute('CREATE TABLE x AS SELECT 1'); c.commit(); c.close()"
    async with database.connected(settings):
        await database.ping()
        log = (tmp_path / "tessera.db-wal").stat().st_ino
        async with database.connected(settings, shared=False):
            arguments = (sys.executable, "-c", writes, str(tmp_path / "tessera.db"))
            writer = await asyncio.create_subprocess_exec(*arguments)
            assert await writer.wait() == 0
            assert (tmp_path / "tessera.db-wal").stat().st_ino == log
