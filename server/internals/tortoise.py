"""Tortoise's clients and transactions, as far as they are not documented.

`server.database` derives its engines from them: pools, time-outs and transactions of its own.
"""

import inspect
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import asyncpg
from tortoise.connection import get_connections
from tortoise.context import TortoiseContext

from server.internals.parts import lacks, made, part, require

if TYPE_CHECKING:
    from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
    from tortoise.backends.base.client import (
        NestedTransactionContext,
        TransactionContext,
        TransactionContextPooled,
    )
    from tortoise.backends.sqlite.client import (
        SqliteClient,
        SqliteTransactionContext,
        SqliteTransactionWrapper,
    )
else:
    _ASYNCPG, _BASE, _SQLITE = (
        f"tortoise.backends.{engine}.client" for engine in ("asyncpg", "base", "sqlite")
    )
    AsyncpgDBClient = part(_ASYNCPG, "AsyncpgDBClient")
    TransactionWrapper = part(_ASYNCPG, "TransactionWrapper")
    NestedTransactionContext = part(_BASE, "NestedTransactionContext")
    TransactionContext = part(_BASE, "TransactionContext")
    TransactionContextPooled = part(_BASE, "TransactionContextPooled")
    SqliteClient = part(_SQLITE, "SqliteClient")
    SqliteTransactionContext = part(_SQLITE, "SqliteTransactionContext")
    SqliteTransactionWrapper = part(_SQLITE, "SqliteTransactionWrapper")

__all__ = [
    "AsyncpgDBClient",
    "NestedTransactionContext",
    "SqliteClient",
    "SqliteTransactionContext",
    "SqliteTransactionWrapper",
    "TransactionContext",
    "TransactionContextPooled",
    "TransactionWrapper",
    "abandon",
    "leave",
    "require_clients",
]


def require_clients() -> None:
    """Raises `Misconfigured` where the engines of `server.database` cannot work.

    There is no fallback: Tortoise's own PostgreSQL client has no time-out for a connection or a
    statement, and its SQLite transactions fail where another process writes.
    """
    require("tortoise-orm", _missing(), "the database cannot be used safely")


async def abandon(context: Any) -> None:
    """Undo a `BEGIN` that may be half done, and give its connection back."""
    if isinstance(context, TransactionContextPooled):
        held = context.client._connection
        if held is not None:
            # How far BEGIN got is unknown, and asking could take as long again. The pool replaces
            # the connection at the next use.
            with suppress(asyncpg.InterfaceError):  # given back already, with its connection lost
                held.terminate()
    elif isinstance(context, SqliteTransactionContext) and hasattr(context, "token"):
        with suppress(Exception):
            await context.connection.rollback()
        context._trxlock.release()


def leave(context: Any) -> None:
    """Make the running task's connection the one before the transaction `context` again."""
    if hasattr(context, "token"):
        get_connections().reset(context.token)


@cache
def _missing() -> tuple[str, ...]:
    return tuple(_all_missing())


def _all_missing() -> Iterator[str]:
    of_both = ("_in_transaction", "_connection", "acquire_connection", "create_connection", "close")
    yield from lacks(TransactionContextPooled, "client", "token")
    yield from lacks(NestedTransactionContext)
    yield from lacks(SqliteTransactionContext, "_trxlock", "connection", "token")
    yield from lacks(SqliteTransactionWrapper, "begin", "_in_transaction")
    pooled = made(AsyncpgDBClient, connection_name="probe")
    own = ("_pool", "_pool_init_lock", "_post_connect", "_translate_exceptions")
    yield from lacks(pooled, *of_both, *own)
    yield from lacks(made(TransactionWrapper, pooled), "_parent", "begin", "_in_transaction")
    file = made(SqliteClient, ":memory:", connection_name="probe")
    yield from lacks(file, *of_both, "_lock")
    if "_enable_global_fallback" not in inspect.signature(TortoiseContext.init).parameters:
        yield "TortoiseContext.init(_enable_global_fallback)"
