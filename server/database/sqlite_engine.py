"""Tortoise's SQLite engine, with transactions that take the write lock when they begin.

A deferred transaction that reads first and writes later fails with "database is locked" when
another process has written in between; an immediate one waits its turn instead.

Its thread gives way to the event loop's, where the two share a core: checks are answered there, and
would wait while the decisions of thousands are written here.
"""

import os
import sqlite3
import sys
import threading
from contextlib import suppress

from tortoise.backends.base.client import NestedTransactionContext, TransactionContext
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.exceptions import OperationalError

# As `nice` counts: a quarter of a core that both could fill.
_NICENESS = 5


class _ImmediateTransaction(SqliteTransactionWrapper):
    async def begin(self) -> None:
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error

    async def execute_script(self, query: str) -> None:
        """Run one statement: the driver's own scripts would commit the transaction first."""
        await self.execute_query(query)

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(_ImmediateTransaction(self))


class ImmediateSqliteClient(SqliteClient):
    """A SQLite client whose transactions are immediate."""

    async def create_connection(self, with_db: bool) -> None:
        await super().create_connection(with_db)
        if self._connection is not None and sys.platform == "linux":
            # What SQLite calls runs in the connection's own thread.
            await self._connection.create_function("give_way", 0, _give_way)
            await self._connection.execute_fetchall("SELECT give_way()")

    def _in_transaction(self) -> TransactionContext:
        return SqliteTransactionContext(_ImmediateTransaction(self), self._lock)


def _give_way() -> None:
    # To Linux, each thread is a process of its own.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


client_class = ImmediateSqliteClient
