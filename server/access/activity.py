"""The audit trail: written with each change, in its transaction."""

from typing import Any

import models
from server.access.principal import Principal


async def record(
    principal: Principal,
    kind: models.ActivityKind,
    token: models.Token,
    **details: Any,
) -> None:
    """Note that the principal changed `token`. Call it within the transaction of the change."""
    await record_all(principal, kind, [token], **details)


async def record_all(
    principal: Principal,
    kind: models.ActivityKind,
    tokens: list[models.Token],
    **details: Any,
) -> None:
    """Note the same change of several tokens."""
    await models.Activity.bulk_create(
        [
            models.Activity(
                tenant_id=principal.tenant_id,
                token_id=token.id,
                actor_id=principal.admin_id,
                kind=kind,
                details=details,
            )
            for token in tokens
        ]
    )
