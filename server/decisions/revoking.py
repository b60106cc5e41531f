"""Revoking tokens, with everything that follows but the activity: the operation records that."""

from collections.abc import Sequence
from uuid import UUID

from tortoise.expressions import F

import models
from models import ClosedBy, RevocationReason
from server.access import token_search
from server.decisions import access_requests, log_rows, terms
from server.errors import InvalidInput

# The others are for revocations by the system, and by holders.
_OF_ADMINS = {RevocationReason.REVOKED, RevocationReason.COMPROMISED}


def clean_reason(reason: RevocationReason | None) -> RevocationReason:
    """The reason that an admin gives, REVOKED by default. Raises `InvalidInput`."""
    if reason is None:
        return RevocationReason.REVOKED
    if reason not in _OF_ADMINS:
        raise InvalidInput("reason", "Choose REVOKED or COMPROMISED.")
    return reason


async def revoke(tenant_id: UUID, tokens: Sequence[models.Token]) -> None:
    """Revoke live tokens of a tenant, which the caller has locked in the order of their ids.

    At most some hundreds at once: a statement has two seconds.
    """
    ids, at = [token.id for token in tokens], models.now()
    rows = models.Token.filter(tenant_id=tenant_id, id__in=ids)
    await rows.update(revoked_at=at, revision=F("revision") + 1)
    for token in tokens:
        token.revoked_at, token.revision = at, token.revision + 1
    await terms.close(tenant_id, ids, ClosedBy.REVOKED)
    await token_search.remove(tenant_id, ids)
    await log_rows.mark_revoked(tenant_id, ids, at)
    await access_requests.end(tenant_id, ids)
