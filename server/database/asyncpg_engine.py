"""Tortoise's PostgreSQL engine, with a limit to the wait for a free connection.

By itself it waits for ever: while the database hangs, every request would wait for the time-outs
of all the requests before it.
"""

from typing import Any

from tortoise.backends.asyncpg.client import AsyncpgDBClient

_WAIT_SECONDS = 2


class _ImpatientPool:
    """asyncpg's pool, for Tortoise, which never says how long it would wait."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    def acquire(self) -> Any:
        return self._pool.acquire(timeout=_WAIT_SECONDS)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


class ImpatientAsyncpgClient(AsyncpgDBClient):
    """A PostgreSQL client that gives up when no connection becomes free."""

    async def create_pool(self, **kwargs: Any) -> Any:
        return _ImpatientPool(await super().create_pool(**kwargs))


client_class = ImpatientAsyncpgClient
