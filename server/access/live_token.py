"""A live token in the transaction that changes it: locked, checked by its revision, and saved.

Here too: the state of a token, live or revoked.
"""

from datetime import datetime
from uuid import UUID

import models
from server.access.principal import Principal
from server.access.tenancy import owned
from server.errors import NotFound, RevisionConflict


async def locked(
    principal: Principal, token_id: UUID, if_revision: int | None = None
) -> models.Token:
    """The live token, locked until the transaction ends: no other change or revocation.

    Raises `NotFound` for a revoked one too, or `RevisionConflict`.
    """
    live = owned(models.Token, principal).filter(id=token_id, **models.LIVE)
    token = await live.select_for_update().get_or_none()
    if token is None:
        raise NotFound
    require_revision(token, if_revision)
    return token


def require_revision(token: models.Token, if_revision: int | None) -> None:
    """Raises `RevisionConflict` unless `if_revision` is None or the token's revision."""
    if if_revision is not None and if_revision != token.revision:
        raise RevisionConflict(token)


def state_of(token: models.Token, at: datetime | None) -> str:
    """The last that applies of ACTIVE, PAUSED, EXPIRED and REVOKED.

    at: the present instant, by the database's clock; needed for a token with an expiry alone.
    """
    if not token.is_live:
        return "REVOKED"
    if token.expires_at is not None and at is not None and token.expires_at <= at:
        return "EXPIRED"
    return "PAUSED" if token.paused_at else "ACTIVE"


async def save(token: models.Token, *columns: str) -> None:
    """Write these columns, and those that every change sets; never the whole row."""
    token.revision += 1
    await token.write(*columns, "revision")
