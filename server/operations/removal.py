"""The effect of removing an admin: the tokens they own, and the callers of these.

`server.operations.admins` removes the admin; `server.decisions.removal` carries out the plan.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import models
from server.access.principal import Principal
from server.access.reading import owned_rows
from server.access.tenancy import owned, page_of
from server.database import database_now
from server.decisions.removal import owned_ids, version_of
from server.operations import usage
from server.operations.usage import Usage
from server.paging import Page, PageRequest
from server.roles import Right

# A token without use for longer is not counted as in use.
RECENT_DAYS = 30
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class RemovalPlan:
    """The live tokens of an admin. used: how many of them were used in the last 30 days."""

    admin: models.Admin
    tokens: int
    used: int
    version: str


@dataclass(frozen=True, slots=True)
class TokenCaller:
    """A client that used a token, and when it last did."""

    address: str
    user_agent: str
    last_used_at: datetime


async def plan(principal: Principal, admin_id: UUID) -> RemovalPlan | None:
    """The plan of an admin's removal; None for an admin who is not there."""
    principal.require(Right.MANAGE_ADMINS)
    present = owned(models.Admin, principal).filter(id=admin_id, removed_at__isnull=True)
    admin = await present.get_or_none()
    if admin is None:
        return None
    ids = await owned_ids(principal.tenant_id, admin_id)
    used = await _count_used(principal, ids)
    return RemovalPlan(admin, len(ids), used, version_of(admin_id, ids))


async def tokens(principal: Principal, admin_id: UUID, request: PageRequest) -> Page[models.Token]:
    """The live tokens that the admin owns, the latest created first."""
    principal.require(Right.MANAGE_ADMINS)
    return await page_of(
        models.Token,
        request,
        newest_first=True,
        tenant_id=principal.tenant_id,
        owner_id=admin_id,
        **models.LIVE,
    )


async def callers(
    principal: Principal, token_ids: Collection[UUID]
) -> dict[UUID, list[TokenCaller]]:
    """The known clients of each token, the latest first.

    Known are the one that last used it and, during a rotation, those that still use its old secret.
    """
    principal.require(Right.READ)
    found: dict[UUID, dict[tuple[str, str], TokenCaller]] = {one: {} for one in token_ids}
    for use in await owned_rows(models.SecretUse, principal, token_id__in=token_ids):
        caller = TokenCaller(use.address, use.user_agent, use.last_used_at)
        found[use.token_id][use.address, use.user_agent] = caller
    for token_id, last in (await usage.last_uses(principal, token_ids)).items():
        caller = TokenCaller(last.last_used_from, last.last_used_user_agent, last.last_used_at)
        found[token_id][caller.address, caller.user_agent] = caller
    return {token_id: _latest_first(of_one.values()) for token_id, of_one in found.items()}


async def operations_in_use(
    principal: Principal, token_ids: Collection[UUID]
) -> dict[UUID, list[Usage]]:
    """The operations that each token was allowed to call in the last 30 days."""
    principal.require(Right.READ)
    since = await _recent()
    found = await usage.of_tokens(principal, token_ids, since)
    return {
        token_id: [one for one in usages if one.key and one.allowed]
        for token_id, usages in found.items()
    }


def _latest_first(made: Collection[TokenCaller]) -> list[TokenCaller]:
    return sorted(made, key=lambda caller: caller.last_used_at, reverse=True)


async def _count_used(principal: Principal, ids: Sequence[UUID]) -> int:
    since = await _recent()
    counted = 0
    for start in range(0, len(ids), _AT_ONCE):
        portion = ids[start : start + _AT_ONCE]
        recent = owned(models.TokenLastUse, principal).filter(last_used_at__gte=since)
        counted += await recent.filter(id__in=portion).count()
    return counted


async def _recent() -> datetime:
    return await database_now() - timedelta(days=RECENT_DAYS)
