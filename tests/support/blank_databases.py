"""Empty, migrated PostgreSQL databases, emptied after a test and used again by the next.

A copy of the template takes ten times the CPU of emptying one. A database with changes that no
DELETE undoes, such as another schema or role's rights, is dropped. A connection to each database
stays open: a new one, whose process reads the catalogs anew, would take three times as long.
"""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import asyncpg

from tests.support.postgres import PostgresServer

_T = TypeVar("_T")

# A database that has grown beyond this is dropped: deleted rows would slow its next scans.
MAX_BYTES = 2 * 1024 * 1024

# Each change of a schema, of rights and of settings makes rows of these newer or fewer. The age of
# the newest gives its transaction: to compare transactions as numbers, each becomes a text first.
_CATALOGS = (
    "pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_proc", "pg_trigger",
    "pg_type", "pg_namespace", "pg_extension", "pg_event_trigger", "pg_default_acl",
    "tortoise_migrations",
)  # fmt: skip
_SCHEMA = f"""
SELECT concat_ws(' ', {
    ", ".join(
        f"(SELECT count(*) || ':' || age('3'::xid) - min(age(xmin)) FROM {name})"
        for name in _CATALOGS
    )
}, (SELECT count(*) FROM pg_db_role_setting), datallowconn, datconnlimit, datacl::text)
FROM pg_database WHERE datname = current_database()
"""
_TABLES = """
SELECT format('%I', relname) FROM pg_class
WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
AND relname <> 'tortoise_migrations'
"""
_BYTES = """
SELECT coalesce(sum(pg_relation_size(oid)), 0) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
_END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_RESTART_SEQUENCES = """
SELECT setval(oid::regclass, 1, false) FROM pg_class
WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
AND relname NOT LIKE 'tortoise_migrations%'
"""


class BlankDatabases:
    """Copies of one migrated template in one server; each is with one test at a time."""

    def __init__(self, server: PostgresServer, template: str) -> None:
        self._server = server
        self._template = template
        self._blank: list[str] = []
        self._schema = ""
        self._tables: list[str] = []
        self._connections: dict[str, asyncpg.Connection] = {}
        # Of a thread of their own, since the tests' thread may have a running event loop.
        self._thread = ThreadPoolExecutor(1, "blank-databases")
        self._loop = asyncio.Runner()

    def take(self) -> str:
        """The URL of an empty database."""
        if self._blank:
            return self._blank.pop()
        url = self._server.create_database_now(template=self._template)
        if not self._schema:
            self._run(self._learn(url))
        return url

    def give_back(self, url: str) -> None:
        """Empty a database for the next test, or drop it where emptying is not enough."""
        if self._run(self._empty(url)):
            self._blank.append(url)
        else:
            self._drop(url)

    def close(self) -> None:
        """Drop the databases that are not with a test."""
        for url in self._blank:
            self._drop(url)
        self._run(self._disconnect(*self._connections))
        self._thread.submit(self._loop.close).result()
        self._thread.shutdown()

    def _run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return self._thread.submit(self._loop.run, coroutine).result()

    def _drop(self, url: str) -> None:
        self._run(self._disconnect(url))
        self._server.drop_database_now(url)

    async def _connection(self, url: str) -> asyncpg.Connection:
        if url not in self._connections:
            self._connections[url] = await asyncpg.connect(url, timeout=10)
        return self._connections[url]

    async def _disconnect(self, *urls: str) -> None:
        for connection in [self._connections.pop(url, None) for url in urls]:
            if connection is not None:
                connection.terminate()
        await asyncio.sleep(0)  # Then their sockets are closed.

    async def _learn(self, url: str) -> None:
        connection = await self._connection(url)
        self._schema = await connection.fetchval(_SCHEMA)
        self._tables = [row[0] for row in await connection.fetch(_TABLES)]

    async def _empty(self, url: str) -> bool:
        """Whether it is now as it was when it was made."""
        try:
            connection = await self._connection(url)
            await connection.execute(_END_OTHERS)
            if await connection.fetchval(_SCHEMA) != self._schema:
                return False
            if await connection.fetchval(_BYTES) > MAX_BYTES:
                return False
            # Without triggers, foreign keys among them: in the end no row refers to another.
            deletions = "".join(f"DELETE FROM {table};" for table in self._tables)
            await connection.execute(f"SET session_replication_role = replica;{deletions}")
            await connection.execute(_RESTART_SEQUENCES)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False  # dropped, closed to everybody, or with settings that end a statement
        return True
