"""Tortoise's PostgreSQL engine on pools of our own, in which every wait has a time-out.

A pool connects only to servers that take writes, sets the isolation level explicitly instead of
inheriting it, and works behind a pooler that gives each transaction another connection (pgbouncer's
`pool_mode = transaction`).
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
from asyncpg.exceptions import (
    CannotConnectNowError,
    DeadlockDetectedError,
    ReadOnlySQLTransactionError,
    SerializationError,
    TargetServerAttributeNotMatched,
    TooManyConnectionsError,
)
from tortoise.exceptions import TransactionManagementError

from server.database.address import Address
from server.database.unavailability import ConnectionRefused, ReadOnlyDatabase
from server.internals.tortoise import (
    AsyncpgDBClient,
    NestedTransactionContext,
    TransactionContext,
    TransactionContextPooled,
    TransactionWrapper,
)

ANSWER_SECONDS = 2
_WAIT_SECONDS = 2
_FULL_SECONDS = 1.0
_RETRY_FULL_SECONDS = 0.1
MAX_TRIES = 4
_ISOLATION = "read_committed"
RETRYABLE = (SerializationError, DeadlockDetectedError)


class Dialler:
    """Connects to the first host of an address that takes writes.

    Starts with the host of the last connection. `patient`: statements have no time-out.
    """

    def __init__(self, address: Address, *, patient: bool) -> None:
        self._address = address
        self._command_seconds = None if patient else ANSWER_SECONDS
        self._first = 0
        self._behind_pooler: bool | None = None

    async def is_behind_pooler(self) -> bool:
        """Whether a server session lasts for one transaction only. Asked once, and remembered.

        A pooler reports a backend process number of its own, which differs from the server's.
        """
        if self._address.statement_cache_size is not None:
            return self._address.statement_cache_size == 0
        if self._behind_pooler is None:
            connection = await self._connect(behind_pooler=True)
            try:
                async with connection.transaction():
                    pid = await connection.fetchval("SELECT pg_backend_pid()")
                self._behind_pooler = pid != connection.get_server_pid()
                await connection.close(timeout=ANSWER_SECONDS)
            finally:
                connection.terminate()
        return self._behind_pooler

    async def dial(self, _dsn: None, **arguments: Any) -> asyncpg.Connection:
        """A new connection, for asyncpg's pool."""
        return await self._connect(behind_pooler=await self.is_behind_pooler(), **arguments)

    async def _connect(self, *, behind_pooler: bool, **arguments: Any) -> asyncpg.Connection:
        urls = self._address.urls
        arguments |= self._session(behind_pooler=behind_pooler)
        failures: list[Exception] = []
        for number in range(self._first, self._first + len(urls)):
            try:
                connected = await asyncpg.connect(
                    urls[number % len(urls)],
                    timeout=ANSWER_SECONDS / len(urls),
                    command_timeout=self._command_seconds,
                    **arguments,
                )
            except (OSError, TimeoutError, CannotConnectNowError) as error:
                failures.append(error)
            except TargetServerAttributeNotMatched:
                # Raised first: it tells more than another host's missing answer.
                failures.insert(0, ReadOnlyDatabase())
            except asyncpg.SyntaxOrAccessError as error:
                raise ConnectionRefused from error
            else:
                self._first = number % len(urls)
                return connected
        raise failures[0]

    def _session(self, *, behind_pooler: bool) -> dict[str, Any]:
        address, settings = self._address, self._address.server_settings
        if behind_pooler:
            # The pooler refuses settings that it does not know, and may switch to another server
            # later: isolation and read-only servers are handled in each transaction instead.
            return {"statement_cache_size": 0, "server_settings": settings}
        arguments = {"target_session_attrs": address.target, "server_settings": settings}
        if address.statement_cache_size is not None:
            return arguments | {"statement_cache_size": address.statement_cache_size}
        level = {"default_transaction_isolation": "read committed"}
        return arguments | {"server_settings": settings | level}


class Pool:
    """Connections to PostgreSQL, of which one is kept open.

    Waiting for a connection, for a turn or for the server, times out after two seconds.
    """

    def __init__(self, dialler: Dialler, max_size: int) -> None:
        self._dialler = dialler
        self._max_size = max_size
        self._opening = asyncio.Lock()
        self._pool: Any = None
        self._full_until = 0.0
        self._released = asyncio.Event()

    async def acquire(self) -> Any:
        """Take a connection, and give it back with `release`. For one statement use `statement`."""
        async with asyncio.timeout(_WAIT_SECONDS):
            pool = self._pool or await self._opened()
            while True:
                if not self._is_full():
                    try:
                        return await pool.acquire()
                    except TooManyConnectionsError:
                        if not pool.get_size():
                            raise
                        # The server accepts no more, but this pool has open ones: wait for one.
                        self._full_until = asyncio.get_running_loop().time() + _FULL_SECONDS
                await self._next_release()

    async def release(self, connection: Any) -> None:
        """Give a connection back. Ends its transaction, if one is open."""
        pool = self._pool
        if pool is None:
            return  # terminated meanwhile, and the connection with it
        try:
            await pool.release(connection, timeout=_WAIT_SECONDS)
        finally:
            self._released.set()

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[Any]:
        """A connection for statements that need no common transaction.

        Behind a pooler they get one: otherwise preparing and executing could reach two sessions.
        """
        connection = await self.acquire()
        try:
            if await self._dialler.is_behind_pooler():
                async with connection.transaction(isolation=_ISOLATION):
                    yield connection
            else:
                yield connection
        finally:
            await self.release(connection)

    async def expire_connections(self) -> None:
        """Replace each connection by a new one before its next use."""
        if self._pool is not None:
            await self._pool.expire_connections()

    async def close(self) -> None:
        """Wait until all connections are given back, and close them."""
        if self._pool is not None:
            await self._pool.close()

    def terminate(self) -> None:
        """Close all connections at once; the next use opens others."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def _opened(self) -> Any:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    connect=self._dialler.dial,
                    min_size=1,
                    max_size=self._max_size,
                    reset=_skip_reset,
                )
        return self._pool

    def _is_full(self) -> bool:
        """Whether the pool has no idle connection and the server has just refused a new one."""
        if asyncio.get_running_loop().time() >= self._full_until:
            return False
        idle, size = self._pool.get_idle_size(), self._pool.get_size()
        return bool(size and not idle)

    async def _next_release(self) -> None:
        self._released.clear()
        try:
            await asyncio.wait_for(self._released.wait(), _RETRY_FULL_SECONDS)
        except TimeoutError:
            return


async def _skip_reset(_connection: asyncpg.Connection) -> None:
    """Skip asyncpg's reset, a round trip after every query: it would undo settings, locks and
    LISTEN that outlive a transaction, none of which is used. The pool still ends a transaction."""


class PostgresClient(AsyncpgDBClient):
    """A PostgreSQL client on a `Pool`. Retries a single statement after a conflict."""

    _pool: Pool | None

    def __init__(self, dialler: Dialler, pool_size: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._dialler = dialler
        self._pool_size = pool_size
        self._beside: list[Pool] = []

    def pool_beside(self, size: int) -> Pool:
        """Make a second pool to the same server; it is closed with this client."""
        self._beside.append(Pool(self._dialler, size))
        return self._beside[-1]

    async def create_connection(self, with_db: bool) -> None:
        """Make the pool, which connects at its first use."""
        self._pool = Pool(self._dialler, self._pool_size)
        await self._post_connect()

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


class _Transaction(TransactionWrapper, PostgresClient):
    """A transaction with an explicit isolation level: the database's default may differ.

    Retries no statement: a conflict has ended the whole transaction.
    """

    async def begin(self) -> None:
        self.transaction = self._connection.transaction(isolation=_ISOLATION)
        await self.transaction.start()

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(_Transaction(self))

    async def expire_connections(self) -> None:
        if isinstance(self._parent, PostgresClient):
            await self._parent.expire_connections()

    async def _translate_exceptions(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        return await self._translate_once(func, *args, **kwargs)


def pause_seconds() -> float:
    """A random pause before a retry, so that conflicting transactions do not meet again."""
    return random.uniform(0.005, 0.05)  # noqa: S311 - spreads load, protects nothing


client_class = PostgresClient
