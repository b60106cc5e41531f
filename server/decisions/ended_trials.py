"""Writes down the trials that the clock has ended, in portions.

Checks need it not: they compare the instant themselves. The caller has a transaction.
"""

from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

from tortoise.expressions import Q

import models
from models import TokenTrial
from server.database import database_now
from server.decisions import trials

# Looked at in one transaction.
AT_ONCE = 50


async def tenants_with_ended(tenant_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the tenants with trials whose end has passed."""
    found = TokenTrial.filter(tenant_id__in=list(tenant_ids), until__lte=await database_now())
    return sorted({tenant_id for (tenant_id,) in await found.values_list("tenant_id")})


async def settle_portions(tenant_id: UUID) -> AsyncGenerator[None, None]:
    """Drop the trials of a tenant whose time is over.

    Yields after each portion, for which the caller gives a transaction of its own.
    """
    at = await database_now()
    ended = TokenTrial.filter(tenant_id=tenant_id, until__lte=at)
    further = ended
    while found := await further.order_by("until", "id").limit(AT_ONCE):
        last = found[-1]
        # Those of tokens that somebody is changing stay: the portion after them is another one.
        later = Q(until__gt=last.until) | Q(until=last.until, id__gt=last.id)
        further = ended.filter(later, until__gte=last.until)
        rows = models.Token.filter(tenant_id=tenant_id, id__in=[one.id for one in found])
        # A token that somebody is changing is left to the next run.
        for token in await rows.order_by("id").select_for_update(skip_locked=True):
            await trials.current(token, at)
        yield
