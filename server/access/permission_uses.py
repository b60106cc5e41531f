"""Reads how a token used each permission, from the decision log's counts by day."""
# ruff: noqa: S608 - the statements are made of constants

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import models
from server.database import connection, dialect
from server.errors import QueryTooComplex

KEPT_DAYS = 400
# Operations of one token in 400 days. They come in the order of the index, so that no more is read.
_MAX_OPERATIONS = 2_000
_WEEKS = {
    "postgres": "bit_or(1::bigint << greatest(0, ($5::date - day) / 7))",
    # The sum of distinct powers of two is the OR of them.
    "sqlite": "sum(DISTINCT 1 << max(0, CAST(julianday($5) - julianday(day) AS INTEGER) / 7))",
}
_OF_ONE = "tenant_id = $1 AND token_id = $2 AND key = k.key"
# Days and weeks are read off the unique index alone, rows only where they are needed: those of the
# period, and two of each operation.
_USES = {
    engine: f"""
        SELECT k.key, k.days, k.weeks,
            (SELECT sum(allowed) FROM token_use WHERE {_OF_ONE} AND day >= $3) AS recent,
            (SELECT first_used_at FROM token_use WHERE {_OF_ONE} AND day >= $4 AND allowed > 0
             ORDER BY day LIMIT 1) AS first_at,
            (SELECT last_used_at FROM token_use WHERE {_OF_ONE} AND day >= $4 AND allowed > 0
             ORDER BY day DESC LIMIT 1) AS last_at
        FROM (SELECT key, count(*) AS days, {weeks} AS weeks FROM token_use
              WHERE tenant_id = $1 AND token_id = $2 AND key > '' AND day >= $4
              GROUP BY key ORDER BY key LIMIT {_MAX_OPERATIONS + 1}) AS k
    """
    for engine, weeks in _WEEKS.items()
}


@dataclass(frozen=True, slots=True)
class Uses:
    """The allowed requests of a token for one operation.

    requests: in the period that was asked for. days: on how many of the last 400 days it was
    called, whether allowed or not. weeks: has bit n for a call in the seven days that ended n weeks
    ago.
    """

    key: str
    days: int
    requests: int
    first_at: datetime
    last_at: datetime
    weeks: int


async def uses_of(tenant_id: UUID, token_id: UUID, since: date, today: date) -> list[Uses]:
    """The uses of each operation that the token was allowed in the last 400 days.

    since: from when requests are counted. Operations whose parameters have changed their names are
    one. Raises `QueryTooComplex` for a token that called more than 2,000 operations.
    """
    oldest = today - timedelta(days=KEPT_DAYS)
    values: list[Any] = [tenant_id, token_id, since, oldest, today]
    if dialect() == "sqlite":
        values = [str(value) for value in values]
    _, rows = await connection().execute_query(_USES[dialect()], values)
    if len(rows) > _MAX_OPERATIONS:
        raise QueryTooComplex("This token called too many operations to sum up their use.")
    return _by_shape(_uses(row) for row in map(dict, rows) if row["first_at"] is not None)


def _uses(row: dict[str, Any]) -> Uses:
    return Uses(
        row["key"],
        row["days"],
        int(row["recent"] or 0),
        _instant(row["first_at"]),
        _instant(row["last_at"]),
        row["weeks"],
    )


def _by_shape(found: Iterable[Uses]) -> list[Uses]:
    merged: dict[str, Uses] = {}
    for uses in found:
        shape = models.shape_of(uses.key)
        other = merged.get(shape)
        merged[shape] = uses if other is None else _together(other, uses)
    return list(merged.values())


def _together(one: Uses, other: Uses) -> Uses:
    return Uses(
        max(one, other, key=lambda uses: uses.last_at).key,
        one.days + other.days,
        one.requests + other.requests,
        min(one.first_at, other.first_at),
        max(one.last_at, other.last_at),
        one.weeks | other.weeks,
    )


def _instant(value: datetime | str) -> datetime:
    """SQLite gives the text that Tortoise wrote."""
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
