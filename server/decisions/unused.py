"""Pauses the tokens that a policy's `pauseUnusedAfterDays` meets, in portions.

The caller has a transaction. Uses are written some seconds after they are made: a token that is
used for the first time in so many days within these seconds may be paused.
"""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.expressions import F, Q
from tortoise.queryset import QuerySet

import models
from models import ActivityKind
from server.access.activity import record_all
from server.access.principal import SYSTEM
from server.database import database_now
from server.decisions import terms

# Examined in one transaction, and paused at most.
AT_ONCE = 500


async def policies(tenant_ids: Sequence[UUID]) -> list[models.TokenPolicy]:
    """The policies of these tenants that pause tokens by now."""
    found = models.TokenPolicy.filter(
        tenant_id__in=list(tenant_ids), pause_unused_after_days__isnull=False
    )
    now = await database_now()
    return [one for one in await found if one.pauses_from is None or one.pauses_from <= now]


async def pause_portions(policy: models.TokenPolicy) -> AsyncGenerator[None, None]:
    """Pause the tokens of a policy's tenant that were not used, created or resumed since.

    Yields after each portion, for which the caller gives a transaction of its own.
    """
    now, days = await database_now(), policy.pause_unused_after_days or 0
    since = now - timedelta(days=days)
    async for ids in _used_before(policy.tenant_id, since):
        await _pause(policy.tenant_id, ids, since)
        yield
    async for ids in _never_used(policy.tenant_id):
        await _pause(policy.tenant_id, ids, since)
        yield


async def _used_before(tenant_id: UUID, since: datetime) -> AsyncGenerator[list[UUID], None]:
    last_uses = models.TokenLastUse.filter(
        tenant_id=tenant_id, revoked_at__isnull=True, last_used_at__lt=since
    )
    further: QuerySet[models.TokenLastUse] = last_uses
    while rows := await further.order_by("last_used_at", "id").limit(AT_ONCE):
        at, last = rows[-1].last_used_at, rows[-1].id
        yield [row.id for row in rows]
        later = Q(last_used_at__gt=at) | Q(last_used_at=at, id__gt=last)
        further = last_uses.filter(later, last_used_at__gte=at)


async def _never_used(tenant_id: UUID) -> AsyncGenerator[list[UUID], None]:
    unused = models.Token.filter(tenant_id=tenant_id, first_used_at__isnull=True, **models.LIVE)
    last = UUID(int=0)
    while rows := await unused.filter(id__gt=last).order_by("id").limit(AT_ONCE).only("id"):
        last = rows[-1].id
        yield [row.id for row in rows]


async def _pause(tenant_id: UUID, ids: Sequence[UUID], since: datetime) -> None:
    """Pause those of these tokens that are active and unused yet."""
    now = await database_now()
    active = models.Token.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=now),
        Q(resumed_at__isnull=True) | Q(resumed_at__lt=since),
        tenant_id=tenant_id,
        id__in=list(ids),
        created_at__lt=since,
        paused_at__isnull=True,
        **models.LIVE,
    )
    # A token that somebody is changing is left to the next run.
    tokens = await active.order_by("id").select_for_update(skip_locked=True)
    last_uses = models.TokenLastUse.filter(
        tenant_id=tenant_id, id__in=[token.id for token in tokens], last_used_at__gte=since
    )
    used = {row.id for row in await last_uses.only("id")} if tokens else set()
    unused = [token for token in tokens if token.id not in used]
    if unused:
        ids = [token.id for token in unused]
        paused = models.Token.filter(tenant_id=tenant_id, id__in=ids)
        await paused.update(paused_at=now, revision=F("revision") + 1)
        await terms.pause(tenant_id, ids)
        await record_all(SYSTEM, ActivityKind.PAUSED, unused, byPolicy=True)
