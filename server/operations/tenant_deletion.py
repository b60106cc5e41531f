"""Deletes a tenant: exports its rows while it is suspended, then deletes them from every table."""

from collections import Counter
from collections.abc import AsyncIterator

import orjson

import models
from models import ActivityKind
from server.access import whole_tenants
from server.access.activity import record
from server.access.principal import Operator
from server.database import database_now, retried, transaction
from server.errors import NotSuspended
from server.roles import Right

# Of the form of an export. A reader refuses another one.
_FORMAT = 1


async def export(operator: Operator, tenant: models.Tenant) -> AsyncIterator[bytes]:
    """The lines of NDJSON with all that a suspended tenant has, in portions.

    The first line has the tenant, the last one the number of rows: without it, it is not whole. No
    digest is in it, and no secret.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    [shown] = await models.Tenant.filter(id=tenant.id).values()
    head = {"format": _FORMAT, "exportedAt": await database_now(), "tenant": shown}
    yield _line(head | {"leftOut": whole_tenants.left_out()})
    rows: Counter[str] = Counter()
    async for table, portion in whole_tenants.rows_in_portions(tenant.id):
        rows[table] += len(portion)
        yield b"".join(_line({"table": table, "row": row}) for row in portion)
    yield _line({"rows": dict(sorted(rows.items()))})


@retried
async def begin(operator: Operator, tenant: models.Tenant) -> None:
    """Note that the rows of a tenant are being deleted: from here on it is never resumed.

    tenant: as it was when it was exported. Raises `NotSuspended` where it was resumed since then.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    async with transaction():
        own = models.Tenant.filter(id=tenant.id, suspended_at__isnull=False)
        now = await own.select_for_update().get_or_none()
        if now is None or now.suspended_at != tenant.suspended_at:
            raise NotSuspended
        if now.deletion_began_at is None:
            await own.update(deletion_began_at=await database_now())


async def delete(operator: Operator, tenant: models.Tenant) -> int:
    """Delete every row of a tenant, after `begin`, in portions; gives how many.

    May be repeated where it was cut off. `server.jobs` deletes rows that instances still had in
    memory.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    deleted = 0
    # Until a whole round finds none: something may have been written where the first one had been.
    while found := await _delete_all(tenant):
        deleted += found
    await _finish(operator, tenant, deleted)
    return deleted


async def _delete_all(tenant: models.Tenant) -> int:
    deleted = 0
    for table in whole_tenants.tables():
        while found := await _delete_some(table, tenant):
            deleted += found
    return deleted


@retried
async def _delete_some(table: str, tenant: models.Tenant) -> int:
    async with transaction():
        return await whole_tenants.delete_portion(table, tenant.id)


@retried
async def _finish(operator: Operator, tenant: models.Tenant, deleted: int) -> None:
    async with transaction():
        ending = models.Tenant.filter(id=tenant.id, deletion_began_at__isnull=False)
        # Of two operators at once, one deletes it.
        if await ending.delete():
            ended = models.DeletedTenant(tenant.id)
            await record(operator, ActivityKind.TENANT_DELETED, ended, rows=deleted)


def _line(content: dict[str, object]) -> bytes:
    # The ids of PostgreSQL's driver are of a class of its own.
    return orjson.dumps(content, default=str, option=orjson.OPT_APPEND_NEWLINE)
