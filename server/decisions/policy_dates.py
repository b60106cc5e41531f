"""Writes the dates that a token policy gives to tokens that exist, in portions.

The dates follow from the policy's row and each token's id: a portion that is interrupted is undone,
and a later one goes on. The caller has a transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import models
from models import ActivityKind, ActorKind
from server.access import token_policies
from server.access.activity import record
from server.access.principal import Actor
from server.database import connection, database_now, dialect
from server.decisions import policy_plan, terms
from server.decisions.policy_plan import NEVER, Plan, unpacked
from server.lifetimes import Spread, latest_end, spread_days

# In one transaction, whose locks others wait for.
AT_ONCE = 500
_WRITE = {
    "postgres": (
        "UPDATE token SET expires_at = $1, revision = revision + 1 WHERE tenant_id = $2 AND id = $3"
    ),
    "sqlite": (
        "UPDATE token SET expires_at = ?, revision = revision + 1 WHERE tenant_id = ? AND id = ?"
    ),
}


async def pending(tenant_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the tenants with dates that are still to be written."""
    found = models.TokenPolicy.filter(tenant_id__in=list(tenant_ids), applied_at__isnull=True)
    return [policy.tenant_id for policy in await found.only("id", "tenant_id")]


async def write_portion(tenant_id: UUID) -> bool:
    """Write the next dates; whether there may be more."""
    policy = await token_policies.locked(tenant_id)
    if policy is None or policy.applied_at is not None:
        return False
    plan = _plan_of(policy)
    ids = [] if plan.latest is NEVER else await _next(tenant_id, plan.latest)
    tokens = await _locked(tenant_id, ids, plan.latest)
    if tokens:
        await _write(policy, {token.id: plan.expiry(token) for token in tokens}, tokens)
    # Not by the locked ones, of which some may have been revoked between the two statements.
    if len(ids) == AT_ONCE:
        return True
    policy.applied_at = await database_now()
    policy.spread_tokens, policy.spread_bounds = 0, None
    await policy.write("applied_at", "spread_tokens", "spread_bounds")
    return False


def _plan_of(policy: models.TokenPolicy) -> Plan:
    maximum = policy.maximum_lifetime_days
    if maximum is None:
        return Plan()
    begins, spread = policy.effective_from, None
    if policy.spread_bounds:
        bounds = unpacked(bytes(policy.spread_bounds))
        spread = Spread(begins, spread_days(maximum), policy.spread_tokens, bounds)
    return Plan(latest_end(begins, maximum), spread)


async def _next(tenant_id: UUID, latest: datetime) -> list[UUID]:
    ids: list[UUID] = []
    endless = policy_plan.without_expiry(tenant_id)
    for range_ in (endless, policy_plan.with_later_expiry(tenant_id, latest)):
        # Tortoise takes a limit of 0 for none.
        if len(ids) < AT_ONCE:
            some = range_.limit(AT_ONCE - len(ids))
            ids += [token_id for (token_id,) in await some.values_list("id")]
    return ids


async def _locked(tenant_id: UUID, ids: Sequence[UUID], latest: datetime) -> list[models.Token]:
    """Those of the tokens that still need a date, in the order in which others lock several."""
    if not ids:
        return []
    rows = models.Token.filter(tenant_id=tenant_id, id__in=list(ids), **models.LIVE)
    locked = await rows.order_by("id").select_for_update()
    return [one for one in locked if one.expires_at is None or one.expires_at > latest]


async def _write(
    policy: models.TokenPolicy, dates: Mapping[UUID, datetime], tokens: Sequence[models.Token]
) -> None:
    await connection().execute_many(_WRITE[dialect()], terms.dated(policy.tenant_id, dates))
    await terms.write_expiries(policy.tenant_id, dates)
    # The admin who set the policy, also where a job carries it out. A job has no client.
    actor = Actor(ActorKind.ADMIN, policy.set_by_id)
    for token in tokens:
        details = {
            "previousExpiresAt": token.expires_at.isoformat() if token.expires_at else None,
            "expiresAt": dates[token.id].isoformat(),
            "byPolicy": True,
        }
        await record(actor, ActivityKind.EXPIRY_SET, token, **details)
