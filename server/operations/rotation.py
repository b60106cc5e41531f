"""Rotating a token: another secret takes the place of the one in use, which ends later."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import models
from models import ActivityKind, RotationPart, TokenRotation
from server.access.activity import record
from server.access.live_token import locked
from server.access.principal import Principal
from server.access.reading import owned_rows
from server.access.tenancy import change
from server.conditions import to_milliseconds
from server.database import database_now, retried
from server.decisions import rotations
from server.decisions.rotation_requests import RotationRequest, carry_out
from server.errors import InvalidInput
from server.roles import Right
from server.service import Service


@dataclass(frozen=True, slots=True)
class Rotated:
    """A token and its new secret, which is shown now and never again."""

    token: models.Token
    secret: str

    def __repr__(self) -> str:
        return f"Rotated(token={self.token!r}, secret=…)"


@retried
async def rotate(
    principal: Principal,
    service: Service,
    token_id: UUID,
    request: RotationRequest = RotationRequest(),  # noqa: B008 - frozen
) -> Rotated:
    """Give a live token another secret; the old one lives until the new one was used, and on.

    Raises `InvalidInput`, `NotFound`, `RevisionConflict`, `RotationUnderWay`, or
    `SecretAlreadyShown` for a retry after the new secret was used.
    """
    principal.require(Right.MANAGE_TOKENS)
    request.check()
    async with change(principal, Right.MANAGE_TOKENS):
        token = await locked(principal, token_id)
        secret, details = await carry_out(principal, service, token, request)
        await record(principal, ActivityKind.ROTATION_STARTED, token, **details)
    return Rotated(token, secret)


@retried
async def end_rotation(
    principal: Principal, token_id: UUID, keep: RotationPart, if_revision: int | None = None
) -> models.Token:
    """End the rotation of a live token: the secret that is not kept dies at once.

    The old one can be kept only while the new one is unseen. To keep the new one where no rotation
    is under way changes nothing. Raises `InvalidInput`, `NotFound` or `RevisionConflict`.
    """
    principal.require(Right.MANAGE_TOKENS)
    async with change(principal, Right.MANAGE_TOKENS):
        token = await locked(principal, token_id, if_revision)
        at = to_milliseconds(await database_now())
        rotation = await rotations.latest(token, at)
        is_under_way = rotation is not None and rotation.is_under_way(at)
        if keep is RotationPart.OLD:
            _refuse_to_keep_old(rotation if is_under_way else None)
        if rotation is not None and is_under_way:
            await rotations.end(token, rotation, keep, at)
            await record(principal, ActivityKind.ROTATION_ENDED, token, keep=keep.value)
    return token


async def under_way(
    principal: Principal, tokens: Sequence[models.Token]
) -> dict[UUID, TokenRotation]:
    """The rotations of these tokens that are under way, by the database's clock."""
    principal.require(Right.READ)
    live = [token.id for token in tokens if token.is_live]
    return await rotations.under_way(principal.tenant_id, live)


async def old_secret_uses(
    principal: Principal, during: Collection[TokenRotation]
) -> dict[UUID, list[models.SecretUse]]:
    """The clients that have used the old secret during each rotation, the latest first."""
    principal.require(Right.READ)
    started = {rotation.id: rotation.created_at for rotation in during}
    uses: dict[UUID, list[models.SecretUse]] = {token_id: [] for token_id in started}
    for use in await owned_rows(models.SecretUse, principal, token_id__in=started):
        # A use may have been written after the rotation that it belonged to.
        if use.last_used_at >= started[use.token_id]:
            uses[use.token_id].append(use)
    for of_one in uses.values():
        of_one.sort(key=lambda use: use.last_used_at, reverse=True)
    return uses


def _refuse_to_keep_old(rotation: TokenRotation | None) -> None:
    if rotation is None:
        raise InvalidInput("keep", "No rotation is under way: the token has one secret.")
    if rotation.picked_up_at is not None:
        raise InvalidInput("keep", "The new secret is in use: it cannot be taken back.")
