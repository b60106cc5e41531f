"""A real Citus for tests: one database of it, emptied after each test, for `make citus URL=…`.

Each statement of the product that would ask several nodes fails there, by the setting
`citus.multi_task_query_log_level`, unless it reaches all tenants (`server.database.reach`). Those
of the tests' own may. Processes of `tessera` have the setting from the database alone.
"""

import os
from contextlib import suppress
from functools import wraps
from typing import Any

import asyncpg

from models.distribution import TABLES
from server.database import distribute, migrate
from server.database.reach import EVERY_TENANT, reached
from tests.support.postgres import run_now
from tests.support.tenant_statements import is_of_the_product

URL_VARIABLE = "TESSERA_TEST_CITUS_URL"
_LEVEL = "SET citus.multi_task_query_log_level = {}"
_STAYING = {"tortoise_migrations"}
_TABLES = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND NOT relispartition
AND NOT EXISTS (SELECT 1 FROM pg_dist_shard s WHERE relname = 'tenant_' || s.shardid)
"""
_END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
AND application_name NOT LIKE 'citus%'
"""


def citus_url() -> str | None:
    """The URL of the database, if tests are to run on Citus."""
    return os.environ.get(URL_VARIABLE)


class CitusDatabase:
    """The one database; it is with one test at a time."""

    def __init__(self, url: str, settings: Any) -> None:
        """Migrate and distribute it. Refuses one that has tenants: they would be deleted."""
        self._url = url
        run_now(migrate(settings))
        run_now(distribute(settings))
        run_now(self._prepare())
        _watch_statements()

    def take(self) -> str:
        """Its URL."""
        return self._url

    def empty(self) -> None:
        """Delete all rows."""
        run_now(self._empty())

    def close(self) -> None:
        """Leave it as it was."""
        run_now(self._set("RESET citus.multi_task_query_log_level"))

    async def _prepare(self) -> None:
        connection = await asyncpg.connect(self._url, timeout=10)
        try:
            if await connection.fetchval("SELECT count(*) FROM tenant"):
                raise RuntimeError("the database of URL has tenants, which the tests would delete")
        finally:
            await connection.close()
        # For the processes that tests start. What was left by tests that were cut off is deleted.
        await self._empty()
        await self._set("SET citus.multi_task_query_log_level = 'error'")

    async def _set(self, what: str) -> None:
        connection = await asyncpg.connect(self._url, timeout=10)
        try:
            name = await connection.fetchval("SELECT quote_ident(current_database())")
            await connection.execute(f"ALTER DATABASE {name} {what}")
        finally:
            await connection.close()

    async def _empty(self) -> None:
        connection = await asyncpg.connect(self._url, timeout=10)
        try:
            await connection.execute(_END_OTHERS)
            await connection.execute(_LEVEL.format("off"))
            local = {row[0] for row in await connection.fetch(_TABLES)} - _STAYING
            for table in sorted({"tenant", "token_secret", *TABLES, *local}):
                await connection.execute(f'DELETE FROM "{table}"')
        finally:
            await connection.close()


def _watch_statements() -> None:
    """Have PostgreSQL refuse statements to several nodes, unless a test itself sends them."""
    for name in ("execute", "executemany", "fetch", "fetchrow", "fetchval"):
        # exempt names_made_at_run_time: the names above
        method = getattr(asyncpg.Connection, name)
        setattr(asyncpg.Connection, name, _watching(method))


def _watching(method: Any) -> Any:
    send = asyncpg.Connection._execute  # not a method that is watched

    @wraps(method)
    async def sent(self: Any, *arguments: Any, **options: Any) -> Any:
        may_ask_all = reached() == EVERY_TENANT or not is_of_the_product()
        level = "off" if may_ask_all else "error"
        with suppress(asyncpg.InFailedSQLTransactionError):
            await send(self, _LEVEL.format(level), (), 0, None)
        return await method(self, *arguments, **options)

    return sent
