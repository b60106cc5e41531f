"""The audit trail: written with each change, in its transaction."""

from typing import Any
from uuid import UUID

import models
from server.access.principal import Caller

_NO_ADMIN = UUID(int=0)


async def record(
    caller: Caller,
    kind: models.ActivityKind,
    token: models.Token,
    **details: Any,
) -> None:
    """Note that the caller changed `token`. Call it within the transaction of the change."""
    await record_all(caller, kind, [token], **details)


async def record_all(
    caller: Caller,
    kind: models.ActivityKind,
    tokens: list[models.Token],
    **details: Any,
) -> None:
    """Note the same change of several tokens."""
    await _write(caller.actor.id, kind, tokens, details)


async def record_by_holder(kind: models.ActivityKind, token: models.Token, **details: Any) -> None:
    """Note that the token's holder changed it by using it. Its actor is no admin."""
    await _write(_NO_ADMIN, kind, [token], details)


async def _write(
    actor_id: UUID, kind: models.ActivityKind, tokens: list[models.Token], details: dict[str, Any]
) -> None:
    await models.Activity.bulk_create(
        [
            models.Activity(
                tenant_id=token.tenant_id,
                token_id=token.id,
                actor_id=actor_id,
                kind=kind,
                details=details,
            )
            for token in tokens
        ]
    )
