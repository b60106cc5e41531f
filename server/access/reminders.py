"""Reminders of tokens besides their expiry: of rotations and retired secrets."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.queryset import QuerySet

import models
from server.database import connection, dialect

# A rotation is overdue if its new secret was not used for so long.
OVERDUE_AFTER = timedelta(days=7)
# The reason is a literal: only then do the databases use the index of these refusals.
_RETIRED = """
SELECT DISTINCT {column} AS found FROM token_refusal
WHERE tenant_id IN ({tenant_ids}) AND reason = 'SECRET_RETIRED' AND created_at > {since}
LIMIT {limit}
"""
_MAX_FOUND = 1000


def overdue_rotations(tenant_ids: Sequence[UUID], at: datetime) -> QuerySet[models.TokenRotation]:
    """The rotations of tenants that are overdue by `at`, of revoked tokens too.

    Those whose old secret the clock has ended meanwhile are among them: see `is_under_way`.
    """
    return models.TokenRotation.filter(
        tenant_id__in=list(tenant_ids),
        picked_up_at__isnull=True,
        ended_at__isnull=True,
        created_at__lte=at - OVERDUE_AFTER,
    )


async def tenants_with_retired_uses(tenant_ids: Sequence[UUID], since: datetime) -> list[UUID]:
    """Those of the tenants where a retired secret was presented after `since`."""
    return await _retired("tenant_id", tenant_ids, since)


async def tokens_with_retired_uses(tenant_id: UUID, since: datetime) -> list[UUID]:
    """The ids of tokens of which a retired secret was presented after `since`, 1,000 at most."""
    return await _retired("token_id", [tenant_id], since)


def start_of_day(at: datetime) -> datetime:
    """The start of the day, in UTC: uses of retired secrets are told of by day."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


async def _retired(column: str, tenant_ids: Sequence[UUID], since: datetime) -> list[UUID]:
    if not tenant_ids:
        return []
    is_postgres = dialect() == "postgres"
    places = [f"${number}" if is_postgres else "?" for number in range(1, len(tenant_ids) + 2)]
    statement = _RETIRED.format(
        column=column, tenant_ids=", ".join(places[:-1]), since=places[-1], limit=_MAX_FOUND
    )
    values = [*tenant_ids, since] if is_postgres else [*map(str, tenant_ids), since.isoformat(" ")]
    rows = await connection().execute_query_dict(statement, values)
    return [UUID(str(row["found"])) for row in rows]
