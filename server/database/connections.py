"""Connections to the configured database, and the transactions on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from tortoise.backends.base.client import BaseDBAsyncClient, TransactionalDBClient
from tortoise.context import TortoiseContext, require_context
from tortoise.transactions import in_transaction

from server.database.postgres.address import read_address
from server.database.postgres.dialler import Dialler
from server.database.postgres.engine import PostgresClient
from server.database.postgres.naming import naming, spreading
from server.database.postgres.pool import Pool
from server.database.reach import reached, reaching_as
from server.database.read import Read
from server.database.sqlite.engine import ImmediateSqliteClient
from server.database.sqlite.files import sqlite_file
from server.database.sqlite.opening import sqlite_config
from server.internals.tortoise import abandon, leave, require_clients
from server.settings import Settings

# The part of an instance's PostgreSQL connections that is reserved for lookups of checks.
WIRE_CONNECTIONS = 2
_Step = Callable[[list[Any]], Awaitable[None]]
_Following = Callable[[], Awaitable[None]]


@asynccontextmanager
async def connected(
    settings: Settings, *, patient: bool = False, shared: bool = True
) -> AsyncIterator[TortoiseContext]:
    """Connect to the database; gives the context that holds the connections.

    patient: allow long statements, such as migrations, also those of another process that locks
    SQLite's file. Otherwise PostgreSQL has two seconds to connect and to answer.
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


async def fetch(
    sql: str, values: Sequence[Any], *, may_sort: bool = False, seconds: float | None = None
) -> Sequence[Sequence[Any]]:
    """The rows of a statement that only reads, as tuples of the driver's values.

    Within a transaction it sees the writes of that. Outside of one, PostgreSQL plans it once a
    connection, to read indexes in their order; `may_sort` is for statements that want rows sorted
    which no index has in that order. The embedded database runs it in the thread of the event loop.
    seconds: for a statement that may take long. It runs aside, and PostgreSQL is given so much
    time. Raises `StatementTooLong` after that.
    """
    # Each engine of this package has it, and so have its transactions.
    client = cast("PostgresClient | ImmediateSqliteClient", connection())
    return await client.fetch(Read(sql, values, may_sort, seconds))


async def database_now() -> datetime:
    """The present instant by the clock of the database, with which expiries are compared."""
    if dialect() == "sqlite":
        return datetime.now(UTC)
    rows = (await connection().execute_query("SELECT statement_timestamp()"))[1]
    instant: datetime = rows[0][0]
    return instant


def dialect() -> str:
    """The SQL dialect of the connected database: `postgres` or `sqlite`."""
    return connection().capabilities.dialect


def is_distributed() -> bool:
    """Whether the tables are distributed over nodes by tenant, as of the start.

    Then a statement about several tenants asks several nodes, and fails if one of them is down.
    """
    client = connection()
    return isinstance(client, PostgresClient) and client.naming() is spreading


def note_distributed() -> None:
    """Note that the tables of the connected database are distributed."""
    client = connection()
    if isinstance(client, PostgresClient):
        client.note_naming(spreading)


def note_row_security() -> None:
    """Note that the tables of the connected database have policies of row-level security."""
    client = connection()
    if isinstance(client, PostgresClient):
        client.note_naming(naming)


def exists(settings: Settings) -> bool:
    """Whether the embedded database exists. Always True for PostgreSQL, where only connecting shows
    it.
    """
    return not settings.embedded or sqlite_file(settings).is_file()


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
        return sqlite_config(settings, patient=patient)
    return _postgres(settings, patient=patient, shared=shared)


def _postgres(settings: Settings, *, patient: bool, shared: bool) -> dict[str, Any]:
    # The rest is halved: the shared connections, and those of the thread that runs GraphQL.
    left = settings.database_pool_size - WIRE_CONNECTIONS
    return {
        "engine": "server.database.postgres.engine",
        "credentials": {
            "dialler": Dialler(read_address(settings.database_url), patient=patient),
            "pool_size": left - left // 2 if shared else left // 2,
            "pool_name": "shared" if shared else "graphql",
        },
    }


@asynccontextmanager
async def transaction() -> AsyncIterator[TransactionalDBClient]:
    """Run the queries in the block as one transaction. On SQLite it waits for other writers.

    A task that is cancelled while it begins gives its connection back: Tortoise would leak it.
    Functions given to `at_the_end` run before it ends, and those given to `after_commit` after it
    has ended.
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
    outer, steps = _LAST_STEPS.get(), _Steps()
    token = _LAST_STEPS.set(steps)
    try:
        yield client
        if outer is None:
            await steps.carry_out()
        else:
            outer.take(steps)
    except BaseException as error:
        await context.__aexit__(type(error), error, error.__traceback__)
        raise
    else:
        await context.__aexit__(None, None, None)
    finally:
        _LAST_STEPS.reset(token)
    if outer is None:
        await steps.follow()


class _Steps:
    """The last steps of a transaction, each with the items that it is to be called with."""

    def __init__(self) -> None:
        # By the step and by whose rows it reaches.
        self._items: dict[tuple[_Step, UUID | None], list[Any]] = {}
        self._following: list[_Following] = []

    def add(self, step: _Step, tenant_id: UUID | None, items: Iterable[Any]) -> None:
        self._items.setdefault((step, tenant_id), []).extend(items)

    def take(self, inner: _Steps) -> None:
        for key, items in inner._items.items():
            self.add(*key, items)
        self._following += inner._following

    def add_following(self, function: _Following) -> None:
        self._following.append(function)

    async def follow(self) -> None:
        for function in self._following:
            await function()

    async def carry_out(self) -> None:
        while self._items:
            step, tenant_id = key = next(iter(self._items))
            with reaching_as(tenant_id):
                await step(self._items.pop(key))


_LAST_STEPS: ContextVar[_Steps | None] = ContextVar("last steps of the transaction", default=None)


async def at_the_end(step: _Step, items: Iterable[Any]) -> None:
    """Have `step` called once with all its items, as the last of the transaction, in it.

    It reaches what the caller reaches: there is one call for each of several tenants.

    Use it for statements whose locks many transactions need. Taken last, the locks are held
    briefly, and their holders wait for no other lock. Without a transaction, `step` is called at
    once.
    """
    steps = _LAST_STEPS.get()
    if steps is None:
        await step(list(items))
    else:
        steps.add(step, reached(), items)


async def after_commit(function: _Following) -> None:
    """Call `function` once the transaction is committed, before it is acknowledged; else never.

    It makes no query. Without a transaction, it is called at once.
    """
    steps = _LAST_STEPS.get()
    if steps is None:
        await function()
    else:
        steps.add_following(function)


def own_pool(size: int, name: str = "checks") -> Pool:
    """A pool to the same PostgreSQL for the caller alone, beside the shared one.

    name: its purpose, in metrics.
    """
    client = connection()
    if not isinstance(client, PostgresClient):
        raise TypeError("An embedded database has no pools")
    return client.pool_beside(size, name)
