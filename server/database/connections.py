"""Connections to the configured database, and the transactions on them."""

import asyncio
import sqlite3
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

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

from server.database.files import keep_private, read_only_uri, sqlite_file
from server.database.sqlite_engine import has_full_text_index
from server.errors import Misconfigured
from server.settings import Settings

_ANSWER_SECONDS = 2
_SQLITE_BUSY_MILLISECONDS = 5000
# So that a look-up among a million tokens seldom reads the file: a third of its time.
_SQLITE_READER_KIBIBYTES = 128 * 1024
# Decisions on thousands of tokens change pages all over the file, every few seconds.
_SQLITE_WRITER_KIBIBYTES = 64 * 1024
_SQLITE_MIN_BYTES = 512  # its smallest page


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
        "connections": {name: _connection(settings, patient=patient)},
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


def _connection(settings: Settings, *, patient: bool) -> dict[str, Any]:
    if settings.embedded:
        return _sqlite(settings)
    return _postgres(settings, patient=patient)


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


def _postgres(settings: Settings, *, patient: bool) -> dict[str, Any]:
    try:
        url = urlsplit(settings.database_url)
        options = dict(parse_qsl(url.query))
        host, port = url.hostname, url.port or int(options.get("port", "5432"))
    except ValueError:
        raise Misconfigured("TESSERA_DATABASE_URL is not a URL.") from None
    return {
        "engine": "server.database.asyncpg_engine",
        "credentials": {
            "host": unquote(host) if host else options.get("host"),
            "port": port,
            "user": unquote(url.username) if url.username else None,
            "password": unquote(url.password) if url.password else None,
            "database": unquote(url.path.lstrip("/")) or None,
            "minsize": 1,
            "maxsize": settings.database_pool_size,
            "timeout": _ANSWER_SECONDS,
            "command_timeout": None if patient else _ANSWER_SECONDS,
            "application_name": "tessera",
            "reset": _nothing_to_reset,
            **_tls(options),
        },
    }


async def _nothing_to_reset(_connection: asyncpg.Connection) -> None:
    """Spares a round trip after every query: the pool would undo what a session has set, locked
    or listened to beyond its transaction, and nothing here does. It still ends a transaction."""


def _tls(options: dict[str, str]) -> dict[str, Any]:
    """What libpq's `sslmode` and `sslrootcert` mean, which Tortoise's own URLs get wrong."""
    mode = options.get("sslmode", "prefer")
    if mode in {"disable", "allow", "prefer"}:
        return {"ssl": mode}
    if mode not in {"require", "verify-ca", "verify-full"}:
        raise Misconfigured("The sslmode of TESSERA_DATABASE_URL is unknown.")
    try:
        tls = ssl.create_default_context(cafile=options.get("sslrootcert"))
    except OSError:
        raise Misconfigured("The sslrootcert of TESSERA_DATABASE_URL cannot be read.") from None
    tls.check_hostname = mode == "verify-full"
    if mode == "require" and "sslrootcert" not in options:  # with one it is verify-ca, as in libpq
        tls.verify_mode = ssl.CERT_NONE
    return {"ssl": tls}


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
    """Raises what the driver raises when the database does not answer."""
    await connection().execute_query("SELECT 1")
