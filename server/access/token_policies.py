"""The token policy of a tenant, locked within a transaction.

The tenant's row stands for its policy, which has no row of its own before it is first set. Lock it
before tokens, so that no two transactions wait for each other.
"""

from datetime import datetime
from uuid import UUID

import models
from server.database import connection, dialect, is_distributed
from server.lifetimes import NO_LIFETIMES, Lifetimes, latest_end

_SHARE = "SELECT id FROM tenant WHERE id = $1 FOR SHARE"
# The row of a tenant is copied to all nodes of a distributed database, and one of them may be down.
# There a lock of the coordinator stands for the policy.
_LOCK_NUMBER = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_SHARE_NUMBER = "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))"


async def find(tenant_id: UUID) -> models.TokenPolicy | None:
    """The policy of a tenant that has set one."""
    return await models.TokenPolicy.get_or_none(tenant_id=tenant_id, id=tenant_id)


async def locked(tenant_id: UUID) -> models.TokenPolicy | None:
    """The policy, locked until the transaction ends: no token gets an expiry meanwhile."""
    if is_distributed():
        await connection().execute_query(_LOCK_NUMBER, [str(tenant_id)])
    else:
        await models.Tenant.filter(id=tenant_id).select_for_update().only("id")
    return await find(tenant_id)


async def lifetimes(tenant_id: UUID, now: datetime) -> Lifetimes:
    """The lifetimes that bind until the transaction ends: the policy stays meanwhile.

    Others may ask at the same time. The transaction must not change the tenant's row afterwards:
    two that did would wait for each other. now: by the clock of the database.
    """
    if is_distributed():
        await connection().execute_query(_SHARE_NUMBER, [str(tenant_id)])
    elif dialect() == "postgres":
        await connection().execute_query(_SHARE, [tenant_id])
    policy = await find(tenant_id)
    return NO_LIFETIMES if policy is None else lifetimes_of(policy, now)


def lifetimes_of(policy: models.TokenPolicy, now: datetime) -> Lifetimes:
    """The lifetimes of a policy at an instant."""
    maximum = policy.maximum_lifetime_days
    if maximum is None:
        return Lifetimes(policy.default_lifetime_days)
    # While dates of existing tokens are to be written, nothing may lie beyond their latest one.
    begins = now if policy.applied_at else min(now, policy.effective_from)
    return Lifetimes(policy.default_lifetime_days, maximum, latest_end(begins, maximum))
