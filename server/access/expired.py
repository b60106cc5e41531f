"""Deletes rows of signing in that are not needed any more.

Each function deletes at most `limit` rows of some tenants and gives their number. Call it within a
transaction. It skips locked rows: an attempt that holds one might wait for another.
"""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from tortoise.queryset import QuerySet

import models
from server.access.attempts import FORGOTTEN_AFTER, UNDER_WAY_FOR
from server.access.visitors import KNOWN_ADDRESS

_Row = TypeVar("_Row", bound=models.TenantRow)


async def delete_sessions(tenant_ids: Sequence[UUID], limit: int) -> int:
    """Delete sessions that have ended by their age."""
    ended = models.Session.filter(tenant_id__in=tenant_ids, expires_at__lte=models.now())
    ids = await _locked(ended, limit)
    if ids:
        await models.Session.filter(tenant_id__in=tenant_ids, id__in=ids).delete()
    return len(ids)


async def delete_known_addresses(tenant_ids: Sequence[UUID], limit: int) -> int:
    """Delete the addresses of sign-ins that are too long ago to count."""
    until = models.now() - KNOWN_ADDRESS
    old = models.KnownAddress.filter(tenant_id__in=tenant_ids, signed_in_at__lte=until)
    ids = await _locked(old, limit)
    if ids:
        await models.KnownAddress.filter(tenant_id__in=tenant_ids, id__in=ids).delete()
    return len(ids)


async def delete_attempt_counters(tenant_ids: Sequence[UUID], limit: int) -> int:
    """Delete the counters of failures that are forgotten."""
    until = models.now() - FORGOTTEN_AFTER - UNDER_WAY_FOR
    old = models.AttemptCounter.filter(tenant_id__in=tenant_ids, started_at__lt=until)
    ids = await _locked(old, limit)
    if ids:
        await models.AttemptCounter.filter(tenant_id__in=tenant_ids, id__in=ids).delete()
    return len(ids)


async def _locked(query: QuerySet[_Row], limit: int) -> list[UUID]:
    return [row.id for row in await query.limit(limit).select_for_update(skip_locked=True)]
