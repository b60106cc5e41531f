"""Deletes rows that are older than they are kept, tenant by tenant and in portions.

The deleted rows are counted. `kept` says how long rows are kept.
"""

import logging
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import models
from server.access.attempts import NO_TENANT
from server.access.tenancy import tenants_in_portions
from server.database import connection, database_now, dialect
from server.jobs.kept import DAILY, HOURLY, KINDS, Kind
from server.jobs.runner import Job
from server.monitoring.metrics import ROWS_DELETED
from server.settings import Settings

# In one portion. Deleting so many rows takes milliseconds.
_ROWS = 1000
_STATEMENTS = 100
_TENANTS = 500
# The next old rows in the order of an index: $1 is where the portion before ended, so that no
# portion reads again what another has deleted. Locked rows are left to the next run: who holds one
# might wait for another.
_DELETE = """
WITH old AS MATERIALIZED (
    SELECT r.id FROM {table} r
    WHERE r.tenant_id = $4 AND r.{index} >= $1 AND r.{index} < $2 AND r.{column} < $3{unless}
    ORDER BY r.{index} LIMIT {rows}{skipping}
)
DELETE FROM {table} AS d WHERE d.tenant_id = $4 AND d.id {among}
RETURNING {index} AS position
"""
_SKIPPING = {"postgres": " FOR UPDATE SKIP LOCKED", "sqlite": ""}
# An array, so that PostgreSQL looks these ids up instead of reading the table to join them.
_AMONG = {"postgres": "= ANY(ARRAY(SELECT id FROM old))", "sqlite": "IN (SELECT id FROM old)"}
_MIN_ID = UUID(int=0)
_log = logging.getLogger("tessera.jobs")


def jobs(settings: Settings) -> tuple[Job, ...]:
    """The jobs that delete old rows, by how often they run."""

    def run(every: timedelta) -> Job:
        kinds = [kind for kind in KINDS if kind.every == every]
        name = {DAILY: "retention, daily", HOURLY: "retention, hourly"}[every]
        return Job(name, every, lambda: delete_old(kinds, settings))

    return run(DAILY), run(HOURLY)


async def delete_old(kinds: Sequence[Kind], settings: Settings) -> AsyncGenerator[None, None]:
    """Delete the old rows of these kinds in portions, each to be called in a transaction."""
    at = await database_now()
    run = _Run({kind: at - kept for kind in kinds if (kept := kind.kept_for(settings)) is not None})
    try:
        async for tenant_ids in _owners():
            for tenant_id in tenant_ids:
                async for _ in run.delete_of(tenant_id):
                    yield
                    run.count()
        yield
        run.count()
    finally:
        run.tell()


async def _owners() -> AsyncGenerator[Sequence[UUID], None]:
    yield [NO_TENANT]  # rows of the installation and of unauthenticated addresses
    async for tenant_ids in tenants_in_portions(_TENANTS):
        yield tenant_ids


@dataclass(slots=True)
class _Run:
    """One run. oldest: by kind, the instant from which rows are kept."""

    oldest: dict[Kind, datetime]
    statements: int = 0
    # Of the portion under way, and of those that are committed.
    uncounted: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)

    async def delete_of(self, tenant_id: UUID) -> AsyncGenerator[None, None]:
        """Delete the old rows of a tenant; yields where a portion ends."""
        for kind, oldest in self.oldest.items():
            if tenant_id != NO_TENANT and not kind.is_of_tenants:
                continue
            position = _position(kind, datetime.min.replace(tzinfo=UTC))
            deleted = _ROWS
            while deleted == _ROWS:
                positions = await _delete(kind, tenant_id, position, oldest)
                deleted = len(positions)
                position = max(positions, default=position)
                self.uncounted[kind.table] += deleted
                self.statements += 1
                if self.uncounted.total() >= _ROWS or self.statements >= _STATEMENTS:
                    yield

    def count(self) -> None:
        """Count the deleted rows of the portion, once it is committed."""
        for table, rows in self.uncounted.items():
            ROWS_DELETED.labels(table).inc(rows)
        self.counted += self.uncounted
        self.uncounted.clear()
        self.statements = 0

    def tell(self) -> None:
        """Log the numbers of deleted rows, if there are any."""
        if self.counted:
            detail = ", ".join(f"{table} {rows}" for table, rows in sorted(self.counted.items()))
            _log.info("deleted old rows", extra={"detail": detail})


async def _delete(kind: Kind, tenant_id: UUID, position: Any, oldest: datetime) -> list[Any]:
    """Delete the next old rows; gives their positions in the index."""
    sql = _DELETE.format(
        table=kind.table,
        index=kind.index,
        column=kind.column,
        rows=_ROWS,
        unless=f" AND NOT {kind.unless}" if kind.unless else "",
        skipping=_SKIPPING[dialect()],
        among=_AMONG[dialect()],
    )
    values = [position, _position(kind, oldest), _instant(kind, oldest), _given(tenant_id)]
    if not kind.is_of_tenants:
        sql = sql.replace("r.tenant_id = $4 AND ", "").replace("d.tenant_id = $4 AND ", "")
        del values[-1]
    if dialect() == "sqlite":
        sql = sql.replace("$", "?")
    return [row["position"] for row in await connection().execute_query_dict(sql, values)]


def _position(kind: Kind, instant: datetime) -> Any:
    """Where rows of that instant begin in the index of the kind."""
    if kind.index != "id":
        return _instant(kind, instant)
    tick = max(models.tick_from(instant), 0)
    return _given(models.id_of_tick(tick) if tick else _MIN_ID)


def _instant(kind: Kind, instant: datetime) -> Any:
    return _given(instant.date() if kind.column == "day" else instant)


def _given(value: UUID | date | datetime) -> Any:
    """The value as the database keeps it."""
    if dialect() == "postgres":
        return value
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)
