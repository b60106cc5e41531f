"""Tortoise's SQLite engine, with transactions that take the write lock when they begin.

A deferred transaction that reads first and writes later fails with "database is locked" if another
process has written in between. An immediate one waits instead.

The connection's thread has a lower priority than the event loop's, in case the two share a core.
The event loop answers checks, which would otherwise wait while the decisions on thousands of tokens
are written.
"""

import logging
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tortoise.exceptions import OperationalError

from server.database.read import Read
from server.database.sqlite.reading import open_reader
from server.internals.tortoise import (
    NestedTransactionContext,
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
    TransactionContext,
)
from server.threads import give_way

_READER_KIBIBYTES = 16 * 1024


class _ImmediateTransaction(SqliteTransactionWrapper):
    async def begin(self) -> None:
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error

    async def fetch(self, read: Read) -> Sequence[Sequence[Any]]:
        """The rows of one statement, which sees the transaction's own writes."""
        return await _executed(self, read)

    async def execute_script(self, query: str) -> None:
        """Run one statement. The driver's `executescript` would commit the transaction first."""
        await self.execute_query(query)

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(_ImmediateTransaction(self))


async def _executed(client: SqliteClient, read: Read) -> Sequence[Sequence[Any]]:
    """The rows, read in the thread of the client's connection."""
    rows: Sequence[Sequence[Any]] = (await client.execute_query(read.sql, list(read.values)))[1]
    return rows


def has_full_text_index(connection: sqlite3.Connection) -> bool:
    """Whether this SQLite is built with FTS5, which the token search needs."""
    try:
        connection.execute("CREATE VIRTUAL TABLE temp.full_text_probe USING fts5(words)")
    except sqlite3.DatabaseError:
        return False
    connection.execute("DROP TABLE temp.full_text_probe")
    return True


class ImmediateSqliteClient(SqliteClient):
    """A SQLite client whose transactions are immediate."""

    def __init__(self, file_path: str, **arguments: Any) -> None:
        super().__init__(file_path, **arguments)
        self._reader: sqlite3.Connection | None = None

    async def fetch(self, read: Read) -> Sequence[Sequence[Any]]:
        """The rows of one statement that only reads, in the thread of the event loop.

        It takes less time than the way to the other connection's thread and back. A reader of a
        write-ahead log waits for no writer, and sees every commit from before it began.
        A statement that is given `seconds` may be a long one, and runs in the other thread.
        """
        if read.seconds is not None:
            return await _executed(self, read)
        if self.log.isEnabledFor(logging.DEBUG):
            self.log.debug("%s: %s", read.sql, read.values)
        try:
            if self._reader is None:
                self._reader = open_reader(Path(self.filename), _READER_KIBIBYTES)
            return self._reader.execute(read.sql, read.values).fetchall()
        except sqlite3.OperationalError:
            # The file is locked, or cannot be read without writing: the other connection waits.
            self._close_reader()
            return await _executed(self, read)

    async def close(self) -> None:
        """Close both connections."""
        self._close_reader()
        await super().close()

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    async def create_connection(self, with_db: bool) -> None:
        await super().create_connection(with_db)
        if self._connection is not None and sys.platform == "linux":
            # SQLite calls its functions in the connection's own thread, the one to slow down.
            await self._connection.create_function("give_way", 0, give_way)
            await self._connection.execute_fetchall("SELECT give_way()")

    def _in_transaction(self) -> TransactionContext:
        return SqliteTransactionContext(_ImmediateTransaction(self), self._lock)


client_class = ImmediateSqliteClient
