"""Tortoise's PostgreSQL engine on a `Pool`."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from asyncpg.exceptions import PostgresError, ReadOnlySQLTransactionError
from tortoise.exceptions import TransactionManagementError

from server.database.postgres.conflicts import MAX_TRIES, RETRYABLE, pause_seconds
from server.database.postgres.dialler import Dialler
from server.database.postgres.naming import RELEASE_SECONDS, Naming
from server.database.postgres.pool import BROKEN, ISOLATION, Pool, rows_of
from server.database.reach import reached
from server.database.read import Read
from server.database.unavailability import ReadOnlyDatabase
from server.internals.tortoise import (
    AsyncpgDBClient,
    NestedTransactionContext,
    TransactionContext,
    TransactionContextPooled,
    TransactionWrapper,
)


class PostgresClient(AsyncpgDBClient):
    """A PostgreSQL client on a `Pool`. Retries a single statement after a conflict."""

    _pool: Pool | None

    def __init__(
        self, dialler: Dialler, pool_size: int, pool_name: str = "shared", **arguments: Any
    ) -> None:
        super().__init__(**arguments)
        self._dialler = dialler
        self._pool_size, self._pool_name = pool_size, pool_name
        self._beside: list[Pool] = []
        self._naming: Naming | None = None

    def naming(self) -> Naming | None:
        """The statement by which each transaction names whose rows it reaches, if it has to."""
        return self._naming

    def note_naming(self, naming: Naming) -> None:
        """Note that each transaction has to name whose rows it reaches, see `reach`."""
        self._naming = naming
        for pool in (self._pool, *self._beside):
            if pool is not None:
                pool.naming = naming

    def pool_beside(self, size: int, name: str) -> Pool:
        """Make a second pool to the same server; it is closed with this client."""
        self._beside.append(self._new_pool(size, name))
        return self._beside[-1]

    async def create_connection(self, with_db: bool) -> None:
        """Make the pool, which connects at its first use."""
        self._pool = self._new_pool(self._pool_size, self._pool_name)
        await self._post_connect()

    def _new_pool(self, size: int, name: str) -> Pool:
        pool = Pool(self._dialler, size, name)
        pool.naming = self._naming
        return pool

    async def close(self) -> None:
        """Close the connections, those of the second pools too."""
        for pool in self._beside:
            pool.terminate()
        await super().close()

    def acquire_connection(self) -> Any:
        """A connection for one statement."""
        return self._statement()

    @asynccontextmanager
    async def _statement(self) -> AsyncIterator[Any]:
        if self._pool is None:
            await self.create_connection(with_db=True)
        async with cast(Pool, self._pool).statement() as connection:
            yield connection

    async def execute_many(self, query: str, values: list[Any]) -> None:
        """Execute a statement with each of these values, or with none of them."""
        await self._translate_exceptions(_execute_many, query, values)

    async def fetch(self, read: Read) -> Sequence[Sequence[Any]]:
        """The rows of one statement that only reads; the driver keeps it prepared."""
        if self.log.isEnabledFor(logging.DEBUG):
            self.log.debug("%s: %s", read.sql, read.values)
        try:
            if self._pool is not None:
                return await self._pool.fetch(read)
        except RETRYABLE:
            pass  # once more, by the way that knows conflicts
        except PostgresError as error:
            await self._translate_once(_fail, error)
        rows: Sequence[Sequence[Any]] = await self._translate_exceptions(_fetch, read)
        return rows

    def _in_transaction(self) -> TransactionContext:
        return TransactionContextPooled(_Transaction(self), self._pool_init_lock)

    async def expire_connections(self) -> None:
        """Replace each connection before its next use, by one that takes writes."""
        if self._pool is not None:
            await self._pool.expire_connections()

    async def _translate_exceptions(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        for _ in range(MAX_TRIES - 1):
            try:
                return await self._translate_once(func, *args, **kwargs)
            except RETRYABLE:
                await asyncio.sleep(pause_seconds())
        return await self._translate_once(func, *args, **kwargs)

    async def _translate_once(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super()._translate_exceptions(func, *args, **kwargs)
        except TransactionManagementError as error:
            if not isinstance(error.__cause__, ReadOnlySQLTransactionError):
                raise
            await self.expire_connections()
            raise ReadOnlyDatabase from error
        except BROKEN:
            # The other connections may lead to the same server.
            await self.expire_connections()
            raise


class _Transaction(TransactionWrapper, PostgresClient):
    """A transaction with an explicit isolation level: the database's default may differ.

    Retries no statement: a conflict has ended the whole transaction.
    """

    _has_timed_out = False
    _named: "_Named"

    def __init__(self, parent: PostgresClient) -> None:
        super().__init__(parent)
        # One for the savepoints of a transaction and itself.
        self._named = parent._named if isinstance(parent, _Transaction) else _Named()

    async def begin(self) -> None:
        self.transaction = self._connection.transaction(isolation=ISOLATION)
        await self.transaction.start()

    def acquire_connection(self) -> Any:
        """The connection, for one statement. The database knows whose rows it reaches."""
        naming = self.naming()
        return super().acquire_connection() if naming is None else self._named_connection(naming)

    @asynccontextmanager
    async def _named_connection(self, naming: Naming) -> AsyncIterator[Any]:
        async with super().acquire_connection() as connection:
            statement = naming(reached())
            if (self._named.statement or naming(None)) != statement:
                await connection.execute(statement)
                self._named.statement = statement
            yield connection

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(_Transaction(self))

    def naming(self) -> Naming | None:
        return self._parent.naming() if isinstance(self._parent, PostgresClient) else None

    async def expire_connections(self) -> None:
        if isinstance(self._parent, PostgresClient):
            await self._parent.expire_connections()

    async def rollback(self) -> None:
        """Undo it. The server does so by itself where it does not answer in time."""
        # A tenant that was named since a savepoint is undone with it.
        self._named.statement = _UNKNOWN
        if not self._has_timed_out:
            await super().rollback()
            return
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await super().rollback()
        except TimeoutError:
            self._connection.terminate()

    async def fetch(self, read: Read) -> Sequence[Sequence[Any]]:
        """The rows of one statement, which sees the transaction's own writes."""
        if self.log.isEnabledFor(logging.DEBUG):
            self.log.debug("%s: %s", read.sql, read.values)
        rows: Sequence[Sequence[Any]] = await self._translate_exceptions(_fetch, read)
        return rows

    async def _translate_exceptions(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await self._translate_once(func, *args, **kwargs)
        except TimeoutError:
            self._has_timed_out = True
            raise


class _Named:
    """The statement by which a transaction has named whose rows it reaches: none at first."""

    __slots__ = ("statement",)

    def __init__(self) -> None:
        self.statement: str | None = None


# After a rollback to a savepoint: equal to no statement.
_UNKNOWN = "unknown"


async def _fail(_client: PostgresClient, error: PostgresError) -> None:
    raise error


async def _fetch(client: PostgresClient, read: Read) -> Any:
    async with client.acquire_connection() as connection:
        return await rows_of(connection, read)


async def _execute_many(client: PostgresClient, query: str, values: list[Any]) -> None:
    # The driver runs it as one transaction.
    async with client.acquire_connection() as connection:
        client.log.debug("%s: %s", query, values)
        await connection.executemany(query, values)


client_class = PostgresClient
