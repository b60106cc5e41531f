"""Connections to the configured database, and the transactions on them."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NoReturn

from tortoise.backends.base.client import BaseDBAsyncClient, TransactionalDBClient
from tortoise.context import TortoiseContext, require_context
from tortoise.transactions import in_transaction

from server.database.address import read_address
from server.database.asyncpg_engine import Dialler, Pool, PostgresClient
from server.database.files import keep_private, read_only_uri, sqlite_file
from server.database.sqlite_engine import has_full_text_index
from server.database.unavailability import ReadOnlyDatabase
from server.errors import Misconfigured
from server.internals.tortoise import abandon, leave, require_clients
from server.settings import Settings

_SQLITE_BUSY_MILLISECONDS = 5000
# The part of an instance's PostgreSQL connections that is reserved for lookups of checks.
WIRE_CONNECTIONS = 2
# With it a lookup among a million tokens rarely reads the file: that was a third of its time.
_SQLITE_READER_KIBIBYTES = 128 * 1024
# Every few seconds, the decisions on thousands of tokens change pages all over the file.
_SQLITE_WRITER_KIBIBYTES = 64 * 1024
_SQLITE_MIN_BYTES = 512  # its smallest page
READ_ONLY = {
    # Also on in every transaction of a standby.
    "postgres": "current_setting('transaction_read_only') = 'on'",
    # Never read-only: no other server writes the file, so that its contents are never outdated.
    "sqlite": "0",
}


@asynccontextmanager
async def connected(
    settings: Settings, *, patient: bool = False, shared: bool = True
) -> AsyncIterator[TortoiseContext]:
    """Connect to the database; gives the context that holds the connections.

    patient: allow long statements, such as migrations. Otherwise PostgreSQL has two seconds to
    connect and to answer.
    shared: every task may query. Otherwise only tasks that start within the given context may.
    Raises `Misconfigured` for an unusable URL, or a Tortoise that the engines cannot derive from.
    """
    require_clients()
    name = _name(settings)
    config = {
        "connections": {name: _connection(settings, patient=patient, shared=shared)},
        "apps": apps_of(name),
    }
    context = TortoiseContext()
    with context:
        # Tasks other than the opening one use it too, hence the global fallback.
        await context.init(config=config, _enable_global_fallback=shared)
    try:
        yield context
    finally:
        await context.close_connections()


def connection() -> BaseDBAsyncClient:
    """The connection of the running task: the transaction's within one, else the pool."""
    return require_context().db()


def dialect() -> str:
    """The SQL dialect of the connected database: `postgres` or `sqlite`."""
    return connection().capabilities.dialect


def exists(settings: Settings) -> bool:
    """Whether the embedded database exists. True for PostgreSQL: only connecting can tell."""
    return not settings.embedded or sqlite_file(settings).is_file()


def sqlite_reader(settings: Settings) -> sqlite3.Connection:
    """A read-only connection to the embedded database; the caller closes it.

    For lookups in the event loop's own thread: it never waits for a lock.
    """
    connection = sqlite3.connect(
        read_only_uri(sqlite_file(settings)),
        uri=True,
        timeout=0,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute(f"PRAGMA cache_size = -{_SQLITE_READER_KIBIBYTES}")
    return connection


def apps_of(name: str) -> dict[str, dict[str, Any]]:
    """Tortoise's configuration of the models, on the connection called `name`."""
    return {
        "models": {
            "models": ["models"],
            "migrations": "models.migrations",
            "default_connection": name,
        }
    }


def _name(settings: Settings) -> str:
    """One name per dialect: Tortoise caches SQL statements by connection name."""
    return "sqlite" if settings.embedded else "postgres"


def _connection(
    settings: Settings, *, patient: bool = False, shared: bool = True
) -> dict[str, Any]:
    if settings.embedded:
        return _sqlite(settings)
    return _postgres(settings, patient=patient, shared=shared)


def _sqlite(settings: Settings) -> dict[str, Any]:
    path = sqlite_file(settings)
    if not path.parent.is_dir():
        raise Misconfigured(f"The folder of the database does not exist: {path.parent}")
    if path.is_dir():
        raise Misconfigured(f"The database is a folder and not a file: {path}")
    if not _may_be_sqlite(path):
        raise Misconfigured(f"The file is no SQLite database: {path}")
    with closing(sqlite3.connect(":memory:")) as probe:
        if not has_full_text_index(probe):
            raise Misconfigured(
                "This Python's SQLite has no full-text search (FTS5). Use a Python whose SQLite"
                " has it, or PostgreSQL."
            )
    keep_private(path)
    return {
        "engine": "server.database.sqlite_engine",
        "credentials": {
            "file_path": str(path),
            "busy_timeout": _SQLITE_BUSY_MILLISECONDS,
            # With a write-ahead log, a killed process loses no acknowledged write.
            "synchronous": "NORMAL",
            "cache_size": -_SQLITE_WRITER_KIBIBYTES,
        },
    }


def _may_be_sqlite(path: Path) -> bool:
    """Whether SQLite can open the file. It makes a database of a missing or empty one."""
    if not path.is_file() or not (size := path.stat().st_size):
        return True
    if size < _SQLITE_MIN_BYTES:
        return False  # SQLite would take it for an empty database
    # Let SQLite look, and never open the file here: closing any descriptor of it drops the POSIX
    # locks of this process's open connections, and another process would then remove the
    # write-ahead log.
    try:
        with closing(sqlite3.connect(read_only_uri(path), uri=True, timeout=0)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.DatabaseError as error:
        return error.sqlite_errorcode != sqlite3.SQLITE_NOTADB
    return True


def _postgres(settings: Settings, *, patient: bool, shared: bool) -> dict[str, Any]:
    # The rest is halved: the shared connections, and those of the thread that runs GraphQL.
    left = settings.database_pool_size - WIRE_CONNECTIONS
    return {
        "engine": "server.database.asyncpg_engine",
        "credentials": {
            "dialler": Dialler(read_address(settings.database_url), patient=patient),
            "pool_size": left - left // 2 if shared else left // 2,
        },
    }


@asynccontextmanager
async def transaction() -> AsyncIterator[TransactionalDBClient]:
    """Run the queries in the block as one transaction. On SQLite it waits for other writers.

    A task that is cancelled while it begins gives its connection back: Tortoise would leak it.
    """
    context = in_transaction()
    try:
        client = await context.__aenter__()
    except BaseException:
        try:
            await asyncio.shield(abandon(context))
        finally:
            # Not in `abandon`: a shielded coroutine runs in a copy of this task's context.
            leave(context)
        raise
    try:
        yield client
    except BaseException as error:
        await context.__aexit__(type(error), error, error.__traceback__)
        raise
    else:
        await context.__aexit__(None, None, None)


async def ping() -> None:
    """Raises the driver's error if the database does not answer, or `ReadOnlyDatabase`."""
    await connection().execute_query("SELECT 1")
    await require_writable()


async def require_writable() -> None:
    """Raises `ReadOnlyDatabase` where the database does not take writes.

    Call it after a search without result: a standby may not have received the row yet.
    """
    _, rows = await connection().execute_query(f"SELECT {read_only()} AS read_only")
    if rows[0]["read_only"]:
        await refuse_reading()


def read_only() -> str:
    """A SQL expression, true where the database does not take writes, to select in a lookup."""
    return READ_ONLY[dialect()]


async def refuse_reading() -> NoReturn:
    """Raise `ReadOnlyDatabase`, and replace the connections to the read-only server."""
    client = connection()
    if isinstance(client, PostgresClient):
        await client.expire_connections()
    raise ReadOnlyDatabase


def own_pool(size: int) -> Pool:
    """A pool to the same PostgreSQL for the caller alone, beside the shared one."""
    client = connection()
    if not isinstance(client, PostgresClient):
        raise TypeError("An embedded database has no pools")
    return client.pool_beside(size)
