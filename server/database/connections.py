"""Connections to the configured database, and the transactions on them."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, NoReturn

import asyncpg
from tortoise.backends.base.client import (
    BaseDBAsyncClient,
    TransactionalDBClient,
    TransactionContextPooled,
)
from tortoise.backends.sqlite.client import SqliteTransactionContext
from tortoise.connection import get_connections
from tortoise.context import TortoiseContext, require_context
from tortoise.transactions import in_transaction

from server.database.address import read_address
from server.database.asyncpg_engine import Dialler, Pool, PostgresClient
from server.database.files import keep_private, read_only_uri, sqlite_file
from server.database.sqlite_engine import has_full_text_index
from server.database.unavailability import ReadOnlyDatabase
from server.errors import Misconfigured
from server.settings import Settings

_SQLITE_BUSY_MILLISECONDS = 5000
# Of the connections that an instance may have to PostgreSQL, those for look-ups of the wire.
WIRE_CONNECTIONS = 2
# So that a look-up among a million tokens seldom reads the file: a third of its time.
_SQLITE_READER_KIBIBYTES = 128 * 1024
# Decisions on thousands of tokens change pages all over the file, every few seconds.
_SQLITE_WRITER_KIBIBYTES = 64 * 1024
_SQLITE_MIN_BYTES = 512  # its smallest page
READ_ONLY = {
    # It is on in each transaction of a standby too.
    "postgres": "current_setting('transaction_read_only') = 'on'",
    # A file that cannot be written is changed by nobody else: what it says is true.
    "sqlite": "0",
}


@asynccontextmanager
async def connected(
    settings: Settings, *, patient: bool = False, shared: bool = True
) -> AsyncIterator[TortoiseContext]:
    """Connect to the database; gives the context that holds the connections.

    patient: wait for long statements, as migrations are. Otherwise PostgreSQL has two seconds to
    connect and to answer.
    shared: every task may query. Otherwise only tasks that start within the given context may.
    Raises `Misconfigured` for a URL that cannot be used.
    """
    name = _name(settings)
    config = {
        "connections": {name: _connection(settings, patient=patient, shared=shared)},
        "apps": apps_of(name),
    }
    context = TortoiseContext()
    with context:
        # Opened in one task and used in others, so it must be reachable from all of them.
        await context.init(config=config, _enable_global_fallback=shared)
    try:
        yield context
    finally:
        await context.close_connections()


def connection() -> BaseDBAsyncClient:
    """The connection of the running task: the transaction's within one, else the pool."""
    return require_context().db()


def dialect() -> str:
    """Which SQL the connected database speaks: `postgres` or `sqlite`."""
    return connection().capabilities.dialect


def exists(settings: Settings) -> bool:
    """Whether there is a database to connect to; of PostgreSQL only connecting tells."""
    return not settings.embedded or sqlite_file(settings).is_file()


def sqlite_reader(settings: Settings) -> sqlite3.Connection:
    """A connection to the embedded database that can only read; the caller closes it.

    For look-ups in the event loop's own thread: it waits for nobody.
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
    """What Tortoise is told of the models, on the connection called `name`."""
    return {
        "models": {
            "models": ["models"],
            "migrations": "models.migrations",
            "default_connection": name,
        }
    }


def _name(settings: Settings) -> str:
    """One name for each kind of database: Tortoise keeps statements by it, in one dialect each."""
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
            # With a write-ahead log this loses nothing that was acknowledged to a killed process.
            "synchronous": "NORMAL",
            "cache_size": -_SQLITE_WRITER_KIBIBYTES,
        },
    }


def _may_be_sqlite(path: Path) -> bool:
    """Whether SQLite can open it: what is not there or empty, it makes a database of."""
    if not path.is_file() or not (size := path.stat().st_size):
        return True
    if size < _SQLITE_MIN_BYTES:
        return False  # SQLite would take it for an empty one
    # Asks SQLite: a file descriptor of ours would, at its close, drop the locks of connections that
    # this process has open already, and another process would then remove the write-ahead log.
    try:
        with closing(sqlite3.connect(read_only_uri(path), uri=True, timeout=0)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.DatabaseError as error:
        return error.sqlite_errorcode != sqlite3.SQLITE_NOTADB
    return True


def _postgres(settings: Settings, *, patient: bool, shared: bool) -> dict[str, Any]:
    # What is left is halved: the shared connections, and those of the thread that runs GraphQL.
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
    """All queries within commit together, or none does. On SQLite it waits for other writers.

    A task cancelled on the way in gives its connection back: Tortoise by itself would keep it.
    """
    context = in_transaction()
    try:
        client = await context.__aenter__()
    except BaseException:
        try:
            await asyncio.shield(_abandon(context))
        finally:
            # Here and not there: what is shielded runs in a copy of this task's context.
            if hasattr(context, "token"):
                get_connections().reset(context.token)
        raise
    try:
        yield client
    except BaseException as error:
        await context.__aexit__(type(error), error, error.__traceback__)
        raise
    else:
        await context.__aexit__(None, None, None)


async def _abandon(context: Any) -> None:
    """Undo a `BEGIN` that may be half done, and give back what it was to run on."""
    if isinstance(context, TransactionContextPooled):
        held = context.client._connection
        if held is not None:
            # Nobody knows how far its BEGIN got, and to ask could take as long again. The pool
            # replaces it when it is needed next.
            with suppress(asyncpg.InterfaceError):  # given back already, with its connection lost
                held.terminate()
    elif isinstance(context, SqliteTransactionContext) and hasattr(context, "token"):
        with suppress(Exception):
            await context.connection.rollback()
        context._trxlock.release()


async def ping() -> None:
    """Raises what the driver raises when the database does not answer, or `ReadOnlyDatabase`."""
    await connection().execute_query("SELECT 1")
    await require_writable()


async def require_writable() -> None:
    """Raises `ReadOnlyDatabase` where the database does not take writes.

    Ask it where nothing was found: a standby may not have it yet.
    """
    _, rows = await connection().execute_query(f"SELECT {read_only()} AS read_only")
    if rows[0]["read_only"]:
        await refuse_reading()


def read_only() -> str:
    """SQL that is true where the database does not take writes, to ask with a look-up."""
    return READ_ONLY[dialect()]


async def refuse_reading() -> NoReturn:
    """Raise `ReadOnlyDatabase`, and replace the connections that led to such a database."""
    client = connection()
    if isinstance(client, PostgresClient):
        await client.expire_connections()
    raise ReadOnlyDatabase


def own_pool(size: int) -> Pool:
    """A pool beside the common one, to the same PostgreSQL, which nothing else takes from."""
    client = connection()
    if not isinstance(client, PostgresClient):
        raise TypeError("An embedded database has no pools")
    return client.pool_beside(size)
