"""Deletes the rows of tokens that were revoked long ago, and at last the tokens themselves.

The row of a token has its name, which the activity shows: it stays as long as any activity of it.
"""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

import models
from server.access.tenancy import tenants_in_portions
from server.database import connection, database_now, dialect
from server.jobs.kept import DAILY
from server.jobs.runner import Job
from server.monitoring.metrics import ROWS_DELETED
from server.settings import Settings

_TENANTS = 500
# In one portion. A token has hundreds of permissions, and up to 100 secrets.
_TOKENS = 20
# The tables of a token's own rows, with the column of its id. Counts of requests and denials have a
# time of their own.
_OWN = (
    ("token_permission", "token_id"),
    ("token_secret", "token_id"),
    ("token_rotation", "id"),
    ("token_last_use", "id"),
)
_DELETE = """
    DELETE FROM {table} AS d WHERE d.tenant_id = $1 AND d.{column} {among} RETURNING tenant_id
"""
_DELETE_TOKENS = """
    DELETE FROM token AS d WHERE d.tenant_id = $1 AND d.id {among} AND d.revoked_at IS NOT NULL
    AND NOT EXISTS (
        SELECT 1 FROM activity a WHERE a.tenant_id = $1 AND a.subject_id = d.id)
    RETURNING tenant_id
"""
_AMONG = {
    "postgres": "IN (SELECT value::uuid FROM json_array_elements_text($2::json))",
    "sqlite": "IN (SELECT value FROM json_each($2))",
}


def job(settings: Settings) -> Job:
    """The job that runs every day."""
    return Job("revoked tokens", DAILY, lambda: delete_old(settings))


async def delete_old(settings: Settings) -> AsyncGenerator[None, None]:
    """Delete in portions, each to be called in a transaction."""
    before = await database_now() - timedelta(days=settings.keep_revoked_days)
    async for tenant_ids in tenants_in_portions(_TENANTS):
        for tenant_id in tenant_ids:
            last = UUID(int=0)
            while ids := await _revoked(tenant_id, last, before):
                last = ids[-1]
                await _delete(tenant_id, ids)
                yield
        yield


async def _revoked(tenant_id: UUID, after: UUID, before: datetime) -> list[UUID]:
    """The next tokens of a tenant that were revoked before this instant."""
    revoked = models.Token.filter(
        tenant_id=tenant_id, id__gt=after, revoked_at__isnull=False, revoked_at__lt=before
    )
    return [token.id for token in await revoked.order_by("id").limit(_TOKENS).only("id")]


async def _delete(tenant_id: UUID, ids: Sequence[UUID]) -> None:
    among = _AMONG[dialect()]
    for table, column in _OWN:
        await _execute(
            table, _DELETE.format(table=table, column=column, among=among), tenant_id, ids
        )
    used = models.Token.filter(tenant_id=tenant_id, id__in=list(ids))
    await used.filter(idempotency_key__isnull=False).update(idempotency_key=None)
    await _execute("token", _DELETE_TOKENS.format(among=among), tenant_id, ids)


async def _execute(table: str, sql: str, tenant_id: UUID, ids: Sequence[UUID]) -> None:
    values: list[Any] = [tenant_id, orjson.dumps(list(map(str, ids))).decode()]
    if dialect() == "sqlite":
        sql, values[0] = sql.replace("$", "?"), str(tenant_id)
    deleted = await connection().execute_query_dict(sql, values)
    # In its transaction, which may fail: a count too many is no harm.
    ROWS_DELETED.labels(table).inc(len(deleted))
