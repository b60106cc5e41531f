"""Revoking all tokens that meet a filter. `server.operations.tokens` revokes a single one."""

from collections.abc import Sequence
from uuid import UUID

import models
from models import ActivityKind, RevocationReason
from server.access import token_lists
from server.access.activity import record_all
from server.access.principal import Principal
from server.access.tenancy import change, owned
from server.access.token_filter import TokenFilter, cleaned
from server.access.token_lists import MAX_COUNTED
from server.database import retried
from server.decisions import revoking
from server.errors import CountChanged, InvalidInput
from server.roles import Right

# In one transaction, whose locks others wait for.
_AT_ONCE = 500


async def revoke_all(
    principal: Principal,
    wanted: TokenFilter,
    expected_count: int,
    reason: RevocationReason | None = None,
) -> int:
    """Revoke the live tokens that meet the filter by now, if they are as many as expected.

    Returns how many it revoked. Tokens that another request revoked meanwhile are not counted.
    Raises `CountChanged`, `InvalidInput`, `BadSearch` or `SearchTooBroad`, and then revokes none.
    Revokes them in portions: an outage, or the loss of the right, can end it between two.
    """
    principal.require(Right.MANAGE_TOKENS)
    reason = revoking.clean_reason(reason)
    if not wanted.is_of_live:
        raise InvalidInput("filter", "Leave REVOKED out of the states.")
    if not 0 <= expected_count <= MAX_COUNTED:
        message = f"At most {MAX_COUNTED:,} tokens are revoked at once. Narrow the filter."
        raise InvalidInput("expectedCount", message)
    ids = sorted(await token_lists.ids(principal, cleaned(wanted)))
    if len(ids) != expected_count:
        raise CountChanged(len(ids))
    portions = [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
    return sum([await _revoke(principal, portion, reason) for portion in portions])


@retried
async def _revoke(principal: Principal, ids: Sequence[UUID], reason: RevocationReason) -> int:
    """Revoke those of a portion that are live yet."""
    principal.require(Right.MANAGE_TOKENS)
    async with change(principal, Right.MANAGE_TOKENS):
        # In the order of ids: two such transactions never wait for each other.
        live = owned(models.Token, principal).filter(id__in=ids, **models.LIVE)
        tokens = await live.order_by("id").select_for_update()
        if tokens:
            await revoking.revoke(principal.tenant_id, tokens)
            await record_all(principal, ActivityKind.REVOKED, tokens, reason=reason.value)
    return len(tokens)
