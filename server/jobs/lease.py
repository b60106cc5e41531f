"""Leases: which instance may run a job now. One row a job, judged by the database's clock.

The instances' own clocks take no part: they may differ by more than a lease lasts.
"""
# ruff: noqa: S608 - the statements are made of constants

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from server.database import connection, dialect, transaction

# The present instant. PostgreSQL's `now()` would be the start of the transaction, which may have
# waited for a lock since. SQLite compares instants as texts, in the form that Tortoise writes.
_NOW = {
    "postgres": "clock_timestamp()",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')",
}
# The instant that lies so many seconds from now; `$` is the parameter.
_FROM_NOW = {
    "postgres": "clock_timestamp() + make_interval(secs => $)",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', $ || ' seconds')",
}


def _statements(sql_dialect: str) -> dict[str, str]:
    now, from_now = _NOW[sql_dialect], _FROM_NOW[sql_dialect]
    written = {
        # One statement decides among instances that ask at once: the loser finds `until` ahead.
        "take": f"""
            INSERT INTO job_lease (name, holder, until) VALUES ($, $, {from_now})
            ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
            WHERE (job_lease.until IS NULL OR job_lease.until <= {now})
              AND (job_lease.last_run_at IS NULL OR job_lease.last_run_at <= {from_now})
            RETURNING name
        """,
        "renew": f"""
            UPDATE job_lease SET until = {from_now}
            WHERE name = $ AND holder = $ AND until > {now} RETURNING name
        """,
        "finish": f"""
            UPDATE job_lease SET holder = NULL, until = NULL, last_run_at = {now}
            WHERE name = $ AND holder = $ AND until > {now} RETURNING name
        """,
        "give_up": """
            UPDATE job_lease SET holder = NULL, until = NULL
            WHERE name = $ AND holder = $ RETURNING name
        """,
    }
    return {
        key: _numbered(sql) if sql_dialect == "postgres" else sql.replace("$", "?")
        for key, sql in written.items()
    }


def _numbered(sql: str) -> str:
    """Number the parameters, as PostgreSQL needs it."""
    first, *rest = sql.split("$")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


_STATEMENTS = {name: _statements(name) for name in _NOW}


class LeaseLost(Exception):
    """The lease ran out, and another instance may run the job."""


class Lease:
    """The lease of the job `name`, for one instance.

    holder: the instance. lasts: how long another instance waits for one that died; longer than a
    portion of the job takes.
    """

    def __init__(self, name: str, holder: UUID, lasts: timedelta) -> None:
        self._key = name, str(holder)
        self._seconds = lasts.total_seconds()

    async def take(self, every: timedelta) -> bool:
        """Take the lease; False if another instance has it, or if the last run is too recent.

        every: the least time between the end of a complete run and the next run.
        """
        return await self._execute("take", *self._key, self._seconds, -every.total_seconds())

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """A transaction in which no other instance can take the lease. Renews it.

        The locked row makes others wait even if this instance stalls for longer than the lease.
        Raises `LeaseLost`, and then nothing in the block has run.
        """
        async with transaction():
            if not await self._execute("renew", self._seconds, *self._key):
                raise LeaseLost
            yield

    async def finish(self) -> None:
        """End the lease after a complete run. Raises `LeaseLost` if it ran out before."""
        if not await self._execute("finish", *self._key):
            raise LeaseLost

    async def give_up(self) -> None:
        """End the lease before the run is complete, so that another instance can run the job."""
        await self._execute("give_up", *self._key)

    async def _execute(self, statement: str, *values: str | float) -> bool:
        sql = _STATEMENTS[dialect()][statement]
        return bool(await connection().execute_query_dict(sql, list(values)))
