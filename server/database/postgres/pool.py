"""A pool of connections in which every wait has a time-out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from asyncpg.exceptions import TooManyConnectionsError

from server.database.postgres.dialler import Dialler

# Set explicitly instead of inherited: the database's default may differ.
ISOLATION = "read_committed"
_WAIT_SECONDS = 2
_FULL_SECONDS = 1.0
_RETRY_FULL_SECONDS = 0.1


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
                async with connection.transaction(isolation=ISOLATION):
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
