"""A live token in the transaction that changes it: locked, checked by its revision, and saved."""

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
    if if_revision is not None and if_revision != token.revision:
        raise RevisionConflict(token)
    return token


async def save(token: models.Token, *columns: str) -> None:
    """Write these columns, and those that every change sets; never the whole row."""
    token.revision += 1
    await token.write(*columns, "revision")
