"""Writes down the rotations that the clock, or a revocation, has ended, in portions.

Checks need it not: they compare the instants themselves. The caller has a transaction.
"""

from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

import models
from models import TokenRotation
from server.conditions import to_milliseconds
from server.database import database_now
from server.decisions import rotations

# Looked at in one transaction.
AT_ONCE = 50


async def tenants_with_open(tenant_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the tenants with rotations that are not recorded as ended."""
    found = TokenRotation.filter(tenant_id__in=list(tenant_ids), ended_at__isnull=True)
    return sorted({tenant_id for (tenant_id,) in await found.values_list("tenant_id")})


async def settle_portions(tenant_id: UUID) -> AsyncGenerator[None, None]:
    """Settle the rotations of a tenant that have ended.

    Yields after each portion, for which the caller gives a transaction of its own.
    """
    last = UUID(int=0)
    open_ones = TokenRotation.filter(tenant_id=tenant_id, ended_at__isnull=True)
    while found := await open_ones.filter(id__gt=last).order_by("id").limit(AT_ONCE):
        last = found[-1].id
        await _settle(tenant_id, found)
        yield


async def _settle(tenant_id: UUID, found: Sequence[TokenRotation]) -> None:
    at = to_milliseconds(await database_now())
    tokens = models.Token.filter(tenant_id=tenant_id, id__in=[one.id for one in found])
    revoked = {one.id for one in await tokens.filter(revoked_at__isnull=False).only("id")}
    ended = [one.id for one in found if one.id in revoked or not one.is_under_way(at)]
    if ended:
        # A token that somebody is changing is left to the next run, or settled by that change.
        rows = models.Token.filter(tenant_id=tenant_id, id__in=ended).order_by("id")
        for token in await rows.select_for_update(skip_locked=True):
            await rotations.latest(token, at)
