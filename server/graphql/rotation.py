"""A token's rotation under way: the type, and its loading. `rotation_changes` has the mutations."""

from collections.abc import Sequence
from dataclasses import field
from enum import Enum
from typing import Any, cast

import strawberry

import models
from server.graphql.admins import Admin, find_admins
from server.graphql.basics import DateTime, described
from server.graphql.context import Context
from server.graphql.loading import loaded
from server.graphql.weights import counts_as
from server.operations import rotation

_MAX_INT = 2**31 - 1


class RotationState(Enum):
    PENDING = "PENDING"
    DRAINING = "DRAINING"


class SecretKept(Enum):
    NEW = "NEW"
    OLD = "OLD"


described(
    RotationState,
    "How far a rotation is.",
    PENDING="The new secret has not been used yet.",
    DRAINING="The new secret is in use; the old one ends soon.",
)
described(
    SecretKept,
    "Which of the two secrets of a rotation is kept.",
    NEW="The new one. The old one is refused from then on.",
    OLD="The old one: the rotation is cancelled.",
)


@strawberry.type(description="A client that still used the old secret during a rotation.")
class SecretUse:
    address: str = strawberry.field(
        description="The address it came from, as reported by the gateway."
    )
    user_agent: str = strawberry.field(description="The client's `User-Agent`.")
    count: int = strawberry.field(description="How many requests it made.")
    last_used_at: DateTime = strawberry.field(
        description="When it last used the old secret, accurate to seconds."
    )


async def _load_starters(
    context: Context, rows: Sequence[models.TokenRotation]
) -> list[Admin | None]:
    ids = [row.started_by_id for row in rows]
    found = await context.load_distinct(find_admins, (one for one in ids if one is not None))
    return [found[one] if one is not None else None for one in ids]


async def _load_uses(
    context: Context, rows: Sequence[models.TokenRotation]
) -> list[list[SecretUse]]:
    found = await rotation.old_secret_uses(context.principal, rows)
    return [[_shown_use(use) for use in found[row.id]] for row in rows]


@strawberry.type(description="A rotation under way: the token has two secrets.")
class Rotation:
    state: RotationState = strawberry.field(description="How far it is.")
    started_at: DateTime = strawberry.field(description="When it started.")
    started_by: Admin | None = loaded(
        _load_starters,
        description="The admin who started it, removed admins included. Null if the token's "
        "holder started it.",
    )
    new_hint: str = strawberry.field(description="The beginning of the new secret.")
    old_hint: str = strawberry.field(description="The beginning of the old secret.")
    picked_up_at: DateTime | None = strawberry.field(
        description="When the new secret was first used; null while it is pending."
    )
    picked_up_from: str | None = strawberry.field(
        description="The address the new secret was first used from, as reported by the gateway."
    )
    old_secret_ends_at: DateTime | None = strawberry.field(
        description="The instant from which the old secret is refused. Null while none is set."
    )
    latest_by: DateTime | None = strawberry.field(
        description="The instant at which the old secret ends in any case; null for none."
    )
    row: strawberry.Private[models.TokenRotation]
    loaded_values: strawberry.Private[dict[str, Any]] = field(default_factory=dict)
    old_secret_uses: list[SecretUse] = loaded(
        _load_uses,
        description="Which clients used the old secret during the rotation, the latest first:"
        " at most 50.",
        metadata=counts_as(5),
    )


async def load_rotations(
    context: Context, rows: Sequence[models.Token]
) -> list[models.TokenRotation | None]:
    """Return the rotation of each token that is under way, else None."""
    found = await rotation.under_way(context.principal, rows)
    return [found.get(row.id) for row in rows]


def shown_rotation(row: models.TokenRotation | None) -> Rotation | None:
    """Map a rotation to its GraphQL type."""
    if row is None:
        return None
    return Rotation(
        state=RotationState.PENDING if row.picked_up_at is None else RotationState.DRAINING,
        started_at=DateTime(row.created_at),
        new_hint=row.new_hint,
        old_hint=row.old_hint,
        picked_up_at=cast("DateTime | None", row.picked_up_at),
        picked_up_from=row.picked_up_from,
        old_secret_ends_at=cast("DateTime | None", row.old_secret_ends_at),
        latest_by=cast("DateTime | None", row.latest_by),
        row=row,
    )


def _shown_use(use: models.SecretUse) -> SecretUse:
    return SecretUse(
        address=use.address,
        user_agent=use.user_agent,
        count=min(use.requests, _MAX_INT),
        last_used_at=DateTime(use.last_used_at),
    )
