"""The audit trail: written with each change, in its transaction."""

from typing import Any

import models
from server.access.principal import Caller


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
    await models.Activity.bulk_create(
        [
            models.Activity(
                tenant_id=token.tenant_id,
                token_id=token.id,
                actor_id=caller.actor.id,
                kind=kind,
                details=details,
            )
            for token in tokens
        ]
    )
