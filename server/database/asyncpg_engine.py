"""Tortoise's PostgreSQL engine on pools of our own, which never wait for ever.

A pool connects only where writes are taken, says the isolation level instead of inheriting it,
and works behind a pooler that gives each transaction another connection (pgbouncer's
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
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    NestedTransactionContext,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.exceptions import TransactionManagementError

from server.database.address import Address
from server.database.unavailability import ConnectionRefused, ReadOnlyDatabase

ANSWER_SECONDS = 2
_WAIT_SECONDS = 2
_FULL_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 0.1
MAX_TRIES = 4
_ISOLATION = "read_committed"
RETRYABLE = (SerializationError, DeadlockDetectedError)


class Dialler:
    """Connects to the first host of an address that takes writes.

    It begins with the host that was last connected to. `patient`: statements may take any time.
    """

    def __init__(self, address: Address, *, patient: bool) -> None:
        self._address = address
        self._command_seconds = None if patient else ANSWER_SECONDS
        self._first = 0
        self._behind_pooler: bool | None = None

    async def is_behind_pooler(self) -> bool:
        """Whether a session of the server's lasts for one transaction. Asked of the first one.

        A pooler answers with a process number of its own, which is not the server's.
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
                # It says more than that another host does not answer.
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
            # The pooler refuses settings that it does not know, and which server answers it may
            # change later: both are seen to in each transaction.
            return {"statement_cache_size": 0, "server_settings": settings}
        arguments = {"target_session_attrs": address.target, "server_settings": settings}
        if address.statement_cache_size is not None:
            return arguments | {"statement_cache_size": address.statement_cache_size}
        level = {"default_transaction_isolation": "read committed"}
        return arguments | {"server_settings": settings | level}


class Pool:
    """Connections to PostgreSQL, of which one is kept open.

    Who waits for one, whether for its turn or for the server, gives up after two seconds.
    """

    def __init__(self, dialler: Dialler, max_size: int) -> None:
        self._dialler = dialler
        self._max_size = max_size
        self._opening = asyncio.Lock()
        self._pool: Any = None
        self._full_until = 0.0
        self._released = asyncio.Event()

    async def acquire(self) -> Any:
        """A connection, to be given to `release`; `statement` is for those who have but one."""
        async with asyncio.timeout(_WAIT_SECONDS):
            pool = self._pool or await self._opened()
            while True:
                if not self._is_full():
                    try:
                        return await pool.acquire()
                    except TooManyConnectionsError:
                        if not pool.get_size():
                            raise
                        # The server has no more, but here some are open: wait for one of them.
                        self._full_until = asyncio.get_running_loop().time() + _FULL_SECONDS
                await self._next_release()

    async def release(self, connection: Any) -> None:
        """Give a connection back. Ends its transaction, if it is in one."""
        pool = self._pool
        if pool is None:
            return  # terminated meanwhile, and the connection with it
        try:
            await pool.release(connection, timeout=_WAIT_SECONDS)
        finally:
            self._released.set()

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[Any]:
        """A connection for statements that need no transaction in common.

        Behind a pooler they have one: preparing and executing would meet different sessions.
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
        """Have each connection replaced by a new one before its next use."""
        if self._pool is not None:
            await self._pool.expire_connections()

    async def close(self) -> None:
        """Wait for those who have a connection, and close all."""
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
                    reset=_nothing_to_reset,
                )
        return self._pool

    def _is_full(self) -> bool:
        """Whether a free connection would have to be a new one, which the server lately refused."""
        if asyncio.get_running_loop().time() >= self._full_until:
            return False
        idle, size = self._pool.get_idle_size(), self._pool.get_size()
        return bool(size and not idle)

    async def _next_release(self) -> None:
        self._released.clear()
        try:
            await asyncio.wait_for(self._released.wait(), _LOOK_AGAIN_SECONDS)
        except TimeoutError:
            return


async def _nothing_to_reset(_connection: asyncpg.Connection) -> None:
    """Spares a round trip after every query: the pool would undo what a session has set, locked
    or listened to beyond its transaction, and nothing here does. It still ends a transaction."""


class PostgresClient(AsyncpgDBClient):
    """A PostgreSQL client on a `Pool`. Repeats a single statement that conflicts with others'."""

    _pool: Pool | None

    def __init__(self, dialler: Dialler, pool_size: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._dialler = dialler
        self._pool_size = pool_size
        self._beside: list[Pool] = []

    def pool_beside(self, size: int) -> Pool:
        """A pool to the same server that is not this client's; it is closed with it."""
        self._beside.append(Pool(self._dialler, size))
        return self._beside[-1]

    async def create_connection(self, with_db: bool) -> None:
        """Make the pool; it connects when it is first used."""
        self._pool = Pool(self._dialler, self._pool_size)
        await self._post_connect()

    async def close(self) -> None:
        """Close the connections, those of pools beside too."""
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
        """Have each connection replaced before its next use, by one that takes writes."""
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
    """A transaction that says its isolation level: the default of the database may be another.

    It repeats no statement: a conflict has ended the whole of it.
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
    """How long to wait before repeating what conflicted with others, who wait as well."""
    return random.uniform(0.005, 0.05)  # noqa: S311 - spreads load, protects nothing


client_class = PostgresClient
