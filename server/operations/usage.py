"""Reading what tokens were used for. It is written in `server.access.uses`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import models
from server.access.principal import Principal
from server.access.tenancy import owned
from server.access.uses import KEPT_REFUSALS
from server.roles import Right


@dataclass(frozen=True, slots=True)
class Usage:
    """How often a token asked for one operation. `key` is empty where none matched."""

    key: str
    allowed: int
    denied: int
    first_used_at: datetime
    last_used_at: datetime


async def of_token(
    principal: Principal, token_id: UUID, since: datetime | None = None
) -> list[Usage]:
    """A token's use by operation, the latest used first; empty for a token of another tenant.

    since: counts from the beginning of its day, in UTC; None is from the oldest there is.
    """
    principal.require(Right.READ)
    days = owned(models.TokenUse, principal).filter(token_id=token_id)
    if since is not None:
        days = days.filter(day__gte=since.astimezone(UTC).date())
    usage: dict[str, Usage] = {}
    for day in await days:
        before = usage.get(day.key)
        usage[day.key] = Usage(
            day.key,
            day.allowed + (before.allowed if before else 0),
            day.denied + (before.denied if before else 0),
            min(day.first_used_at, before.first_used_at) if before else day.first_used_at,
            max(day.last_used_at, before.last_used_at) if before else day.last_used_at,
        )
    return sorted(usage.values(), key=lambda one: one.last_used_at, reverse=True)


async def last_uses(
    principal: Principal, token_ids: Collection[UUID]
) -> dict[UUID, models.TokenLastUse]:
    """When and by whom each of these tokens was last used; those that never were miss."""
    principal.require(Right.READ)
    found = owned(models.TokenLastUse, principal).filter(id__in=list(token_ids))
    return {last.id: last for last in await found}


async def recent_refusals(
    principal: Principal, token_ids: Collection[UUID]
) -> dict[UUID, list[models.TokenRefusal]]:
    """The latest 20 refusals of each of these tokens, the latest first."""
    principal.require(Right.READ)
    refusals: dict[UUID, list[models.TokenRefusal]] = {token_id: [] for token_id in token_ids}
    found = owned(models.TokenRefusal, principal).filter(token_id__in=list(token_ids))
    for refusal in await found.order_by("-id"):
        if len(refusals[refusal.token_id]) < KEPT_REFUSALS:
            refusals[refusal.token_id].append(refusal)
    return refusals
