"""Operations on the token policy: how long the tenant's tokens may live, and from where they work.

Setting the policy changes tokens that exist. `server.decisions.policy_plan` computes their dates.
`server.decisions.policy_dates` writes them: at once if they are few, otherwise by a job.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import models
from models import ActivityKind, TokenState
from server.access import token_lists, token_policies
from server.access.activity import record
from server.access.principal import Principal
from server.access.tenancy import change
from server.access.token_filter import TokenFilter
from server.conditions import clean_networks, networks_of
from server.database import database_now, retried
from server.decisions import policy_dates, policy_plan
from server.decisions.policy_plan import Plan, packed, version_of
from server.errors import InvalidInput, SearchTooBroad, TokenPolicyConflict, Unauthenticated
from server.lifetimes import MAX_UNUSED_DAYS, clean_days, clean_start
from server.paging import Page, PageRequest
from server.roles import Right


@dataclass(frozen=True, slots=True)
class PolicyValues:
    """The values of a token policy, each None or empty for none."""

    default_lifetime_days: int | None = None
    maximum_lifetime_days: int | None = None
    pause_unused_after_days: int | None = None
    networks: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CurrentPolicy:
    """The policy of a tenant. row: None before it is first set."""

    values: PolicyValues
    row: models.TokenPolicy | None


@dataclass(frozen=True, slots=True)
class Preview:
    """The effect of a policy, before it is set. paused: how many tokens, unless they are used
    before.
    """

    effective_from: datetime
    plan: Plan
    paused: int
    version: str


async def get(principal: Principal) -> CurrentPolicy:
    """The policy of the principal's tenant."""
    principal.require(Right.READ)
    return await _current(principal.tenant_id, await token_policies.find(principal.tenant_id))


async def preview(
    principal: Principal, values: PolicyValues, effective_from: datetime | None = None
) -> Preview:
    """The effect of a policy on tokens that exist, from an instant on: by default, in 14 days.

    Raises `InvalidInput`.
    """
    principal.require(Right.SET_TOKEN_POLICY)
    values, now = _cleaned(values), await database_now()
    begins = clean_start(effective_from, now)
    row = await token_policies.find(principal.tenant_id)
    plan = await policy_plan.plan(principal.tenant_id, values.maximum_lifetime_days, begins)
    return Preview(
        begins,
        plan,
        await _count_paused(principal, values, max(_pauses_from(values, row, begins) or now, now)),
        version_of(plan, _revision(row), asdict(values), begins),
    )


async def affected(
    principal: Principal, previewed: Preview, request: PageRequest
) -> Page[models.Token]:
    """The tokens that get another expiry: those without one first, then by their expiry."""
    principal.require(Right.SET_TOKEN_POLICY)
    return await policy_plan.page(principal.tenant_id, previewed.plan, request)


@retried
async def set_policy(
    principal: Principal,
    values: PolicyValues,
    effective_from: datetime | None = None,
    if_version: str | None = None,
) -> CurrentPolicy:
    """Set the policy of the tenant.

    New tokens and networks follow it at once, and tokens that exist from `effective_from` on.
    if_version: of a preview of these values and this instant. Raises `InvalidInput`, or
    `TokenPolicyConflict` where the policy, or a token that it concerns, has changed since.
    """
    principal.require(Right.SET_TOKEN_POLICY)
    values = _cleaned(values)
    if if_version is not None and effective_from is None:
        raise InvalidInput("effectiveFrom", "Give the instant of the preview with its version.")
    async with change(principal, Right.SET_TOKEN_POLICY):
        # First: no token is made, or gets another expiry, between here and the end.
        row = await token_policies.locked(principal.tenant_id)
        before = await _current(principal.tenant_id, row)
        begins = clean_start(effective_from, await database_now())
        plan = await policy_plan.plan(principal.tenant_id, values.maximum_lifetime_days, begins)
        if if_version not in (None, version_of(plan, _revision(row), asdict(values), begins)):
            raise TokenPolicyConflict
        if before.values == values and (effective_from is None or _begins(row) == begins):
            return before
        await _write(principal, row, values, begins, plan)
        details: dict[str, Any] = {
            "previous": _details(before.values),
            "policy": _details(values),
            "effectiveFrom": begins.isoformat(),
        }
        tenant = await models.Tenant.get(id=principal.tenant_id)
        await record(principal, ActivityKind.TOKEN_POLICY_SET, tenant, **details)
        if plan.ended + plan.shortened < policy_dates.AT_ONCE:
            await policy_dates.write_portion(principal.tenant_id)
        return CurrentPolicy(values, await token_policies.find(principal.tenant_id))


async def _write(
    principal: Principal,
    row: models.TokenPolicy | None,
    values: PolicyValues,
    begins: datetime,
    plan: Plan,
) -> None:
    tenant_id = principal.tenant_id
    columns: dict[str, Any] = {
        "default_lifetime_days": values.default_lifetime_days,
        "maximum_lifetime_days": values.maximum_lifetime_days,
        "pause_unused_after_days": values.pause_unused_after_days,
        "revision": _revision(row) + 1,
        "effective_from": begins,
        "pauses_from": _pauses_from(values, row, begins),
        "set_at": await database_now(),
        "set_by_id": principal.actor.id,
        "applied_at": None,
        "spread_tokens": plan.spread.tokens if plan.spread else 0,
        "spread_bounds": packed(plan.spread.bounds) if plan.spread else None,
    }
    joined = ",".join(values.networks) or None
    await models.Tenant.filter(id=tenant_id).update(networks=joined)
    if row is None:
        await models.TokenPolicy.create(id=tenant_id, tenant_id=tenant_id, **columns)
    else:
        await models.TokenPolicy.filter(tenant_id=tenant_id, id=tenant_id).update(**columns)


def _cleaned(values: PolicyValues) -> PolicyValues:
    """The values as they are kept. Raises `InvalidInput`."""
    default = clean_days(values.default_lifetime_days, "defaultLifetimeDays")
    maximum = clean_days(values.maximum_lifetime_days, "maximumLifetimeDays")
    if default is not None and maximum is not None and default > maximum:
        raise InvalidInput("defaultLifetimeDays", "The default is at most the maximum.")
    unused = clean_days(values.pause_unused_after_days, "pauseUnusedAfterDays", MAX_UNUSED_DAYS)
    networks = networks_of(clean_networks(values.networks))
    return PolicyValues(default, maximum, unused, networks)


async def _current(tenant_id: UUID, row: models.TokenPolicy | None) -> CurrentPolicy:
    tenant = await models.Tenant.get_or_none(id=tenant_id)
    if tenant is None:
        raise Unauthenticated(detail="the tenant is gone")
    networks = networks_of(tenant.networks)
    if row is None:
        return CurrentPolicy(PolicyValues(networks=networks), None)
    values = PolicyValues(
        row.default_lifetime_days, row.maximum_lifetime_days, row.pause_unused_after_days, networks
    )
    return CurrentPolicy(values, row)


def _pauses_from(
    values: PolicyValues, row: models.TokenPolicy | None, begins: datetime
) -> datetime | None:
    """From when tokens are paused: not later than before, where the days stay the same."""
    if values.pause_unused_after_days is None:
        return None
    if row is not None and row.pause_unused_after_days == values.pause_unused_after_days:
        return row.pauses_from
    return begins


async def _count_paused(principal: Principal, values: PolicyValues, at: datetime) -> int:
    """How many tokens are paused at an instant if none is used before.

    10,001 for more, and where too many tokens would have to be read.
    """
    if values.pause_unused_after_days is None:
        return 0
    since = at - timedelta(days=values.pause_unused_after_days)
    active = frozenset({TokenState.ACTIVE})
    wanted = TokenFilter(states=active, unused_since=since, not_resumed_since=since)
    try:
        return len(await token_lists.ids(principal, wanted))
    except SearchTooBroad:
        return token_lists.MAX_COUNTED + 1


def _revision(row: models.TokenPolicy | None) -> int:
    return 0 if row is None else row.revision


def _begins(row: models.TokenPolicy | None) -> datetime | None:
    return None if row is None else row.effective_from


def _details(values: PolicyValues) -> dict[str, Any]:
    return {
        "defaultLifetimeDays": values.default_lifetime_days,
        "maximumLifetimeDays": values.maximum_lifetime_days,
        "pauseUnusedAfterDays": values.pause_unused_after_days,
        "networks": list(values.networks),
    }
