"""Connects to the first host of an address that takes writes, behind a pooler too.

A pooler such as pgbouncer in `pool_mode = transaction` gives each transaction another connection.
"""

from typing import Any

import asyncpg
from asyncpg.exceptions import CannotConnectNowError, TargetServerAttributeNotMatched

from server.database.postgres.address import Address
from server.database.unavailability import ConnectionRefused, FormerPrimary, ReadOnlyDatabase

ANSWER_SECONDS = 2
# The cluster, and how often a standby of it was promoted: the timeline of its writes.
_TIMELINE = """
SELECT (SELECT system_identifier FROM pg_control_system()),
       ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
"""


class _Timelines:
    """The latest timeline of each cluster that was reached, by its identifier."""

    def __init__(self) -> None:
        self.failovers = 0
        self._latest: dict[int, int] = {}

    def note(self, cluster: int, timeline: int) -> None:
        """Raises `FormerPrimary` for an earlier timeline than the latest."""
        latest = self._latest.get(cluster, timeline)
        if timeline < latest:
            raise FormerPrimary
        self._latest[cluster] = timeline
        self.failovers += timeline > latest


# Of the whole process: each thread's connections must heed the timelines that another has met.
_TIMELINES = _Timelines()


# A list reads an index in its order, by a plan that is kept. With outdated statistics of a tenant
# that grew, the planner could otherwise sort all its rows, or compile the statement.
_FOR_LISTS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_sort": "off",
    "enable_seqscan": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
}
_PLAN_LISTS = "; ".join(f"SET {name} = {value}" for name, value in _FOR_LISTS.items())
_PLAN_ANYTHING = "; ".join(f"RESET {name}" for name in _FOR_LISTS)
PLAN_LISTS_LOCALLY = _PLAN_LISTS.replace("SET ", "SET LOCAL ")


class PlannedConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection that knows how its statements are planned. Not behind a pooler."""

    plans_lists: bool | None = False

    async def plan(self, *, lists: bool) -> None:
        """Have the following statements planned as reads of indexes in their order, or as usual."""
        self.plans_lists = None  # until the server has answered
        await self.execute(_PLAN_LISTS if lists else _PLAN_ANYTHING)
        self.plans_lists = lists


class Dialler:
    """Connects to the first host of an address that takes writes.

    Starts with the host of the last connection. `patient`: statements have no time-out.
    """

    def __init__(self, address: Address, *, patient: bool) -> None:
        self._address = address
        self._command_seconds = None if patient else ANSWER_SECONDS
        self._first = 0
        self._behind_pooler: bool | None = None

    @property
    def failovers(self) -> int:
        """How often a connection reached a server that was promoted since the one before.

        Older connections may lead to the former primary, which lacks later writes.
        """
        return _TIMELINES.failovers

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
                if not behind_pooler:
                    await self._require_latest(connected)
            except (OSError, TimeoutError, CannotConnectNowError) as error:
                failures.append(error)
            except TargetServerAttributeNotMatched:
                # Raised first: it tells more than another host's missing answer.
                failures.insert(0, ReadOnlyDatabase())
            except FormerPrimary as error:
                failures.insert(0, error)
            except asyncpg.SyntaxOrAccessError as error:
                raise ConnectionRefused from error
            else:
                self._first = number % len(urls)
                return connected
        raise failures[0]

    async def _require_latest(self, connected: asyncpg.Connection) -> None:
        """Raises `FormerPrimary` for a server that was primary before one that was reached.

        A primary that was frozen while another was promoted takes writes when it wakes.
        """
        try:
            _TIMELINES.note(*await connected.fetchrow(_TIMELINE, timeout=ANSWER_SECONDS / 2))
        except asyncpg.PostgresError:
            return  # not every kind of PostgreSQL has these functions, or lets all roles call them
        except BaseException:
            connected.terminate()
            raise

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
