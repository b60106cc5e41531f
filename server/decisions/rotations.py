"""The states of a token's rotation, and the effect of each event on its secrets.

Every function but `under_way` runs in the transaction of the change, with the token's row locked.
Instants are the database's, cut to milliseconds, the precision in which checks compare.

STABLE: one secret lives. PENDING: the old one and a new one live; the new one has not been seen.
DRAINING: it has, and the old one ends at `old_secret_ends_at`. Only the clock ends a rotation. The
next event of the token records that, or `ended_rotations` within minutes.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import models
from models import ActivityKind, RotationPart, TokenRotation
from server.access import token_search
from server.access.activity import record
from server.access.live_token import save
from server.access.principal import SYSTEM
from server.access.reading import rows
from server.database import database_now
from server.decisions import log_rows, terms


@dataclass(frozen=True, slots=True)
class Replacement:
    """A new secret of a token, as it is kept."""

    digest: bytes
    hint: str


@dataclass(frozen=True, slots=True)
class Plan:
    """When the old secret is to end, and whose rotation it is.

    idempotency_key: its keyed digest, in hexadecimal.
    """

    drain_seconds: int
    latest_by: datetime | None
    is_compromised: bool
    started_by_id: UUID | None
    idempotency_key: str | None


async def under_way(tenant_id: UUID, token_ids: Collection[UUID]) -> dict[UUID, TokenRotation]:
    """The rotations of these tokens that are under way, by the database's clock."""
    found = await rows(TokenRotation, tenant_id=tenant_id, id__in=token_ids, ended_at__isnull=True)
    at = await database_now() if any(one.old_secret_ends_at for one in found) else models.now()
    return {rotation.id: rotation for rotation in found if rotation.is_under_way(at)}


async def latest(token: models.Token, at: datetime) -> TokenRotation | None:
    """The latest rotation of the token. One that has ended is written as ended.

    If the clock ended it, the activity says so. The token's revision stays the same, because
    readers of the token knew the rotation's end.
    """
    rotation = await TokenRotation.get_or_none(tenant_id=token.tenant_id, id=token.id)
    if rotation is None or rotation.ended_at is not None:
        return rotation
    if token.revoked_at is not None:
        await _close(token, rotation, token.revoked_at)
    elif not rotation.is_under_way(at):
        await _end_with_new(token, rotation, rotation.old_secret_ends_at or at)
        details = {"keep": RotationPart.NEW.value, "byClock": True}
        await record(SYSTEM, ActivityKind.ROTATION_ENDED, token, **details)
    return rotation


async def start(
    token: models.Token,
    before: TokenRotation | None,
    replacement: Replacement,
    plan: Plan,
    at: datetime,
) -> None:
    """Begin a rotation to `replacement`.

    before: the latest rotation. If it is pending, its new secret dies. A compromised token loses
    all other secrets.
    """
    is_pending = before is not None and before.is_under_way(at)
    if before is not None and is_pending:
        old_generation, old_hint = before.old_generation, before.old_hint
    else:
        old_generation, old_hint = await terms.live_generation(token), token.hint
    generation = await terms.add_generation(token, replacement.digest)
    if plan.is_compromised:
        await terms.close_others(token, generation)
    else:
        await terms.close_others(token, old_generation, generation)
        await terms.retire(token, old_generation, plan.latest_by)
    await _forget(token)
    await TokenRotation.create(
        tenant_id=token.tenant_id,
        id=token.id,
        created_at=at,
        old_generation=old_generation,
        new_generation=generation,
        old_hint=old_hint,
        new_hint=replacement.hint,
        drain_seconds=plan.drain_seconds,
        latest_by=plan.latest_by,
        is_compromised=plan.is_compromised,
        started_by_id=plan.started_by_id,
        idempotency_key=plan.idempotency_key,
        ended_at=at if plan.is_compromised else None,
    )
    await _show(token, replacement.hint)


async def replace_unseen(
    token: models.Token, rotation: TokenRotation, replacement: Replacement
) -> None:
    """Put `replacement` in the place of the rotation's new secret, which dies. The rest stays.

    For a repeated request: the answer with the new secret was lost.
    """
    generation = await terms.add_generation(token, replacement.digest)
    if rotation.ended_at is None:
        await terms.close_others(token, rotation.old_generation, generation)
    else:
        await terms.close_others(token, generation)
    rotation.new_generation, rotation.new_hint = generation, replacement.hint
    await rotation.write("new_generation", "new_hint")
    await _show(token, replacement.hint)


async def end(
    token: models.Token, rotation: TokenRotation, keep: RotationPart, at: datetime
) -> None:
    """End a rotation under way. The secret that is not kept dies at once."""
    if keep is RotationPart.NEW:
        await _end_with_new(token, rotation, at)
        await save(token)
        return
    await terms.close_others(token, rotation.old_generation)
    await terms.reinstate(token, rotation.old_generation)
    await _forget(token)
    await _show(token, rotation.old_hint)


async def pick_up(
    token: models.Token, digests: Collection[bytes], address: str, at: datetime
) -> bool:
    """Note that the new secret, kept as one of `digests`, was used; False if that was noted before.

    From now on the old secret drains. `address` is where the new one was used from.
    """
    generation = await terms.take_mark(token, digests)
    rotation = await latest(token, at)
    if generation is None or rotation is None or rotation.new_generation != generation:
        return False
    rotation.picked_up_at, rotation.picked_up_from = at, address
    await rotation.write("picked_up_at", "picked_up_from")
    if rotation.ended_at is None:
        await terms.retire(token, rotation.old_generation, rotation.old_secret_ends_at)
    await save(token)
    return True


async def _end_with_new(token: models.Token, rotation: TokenRotation, at: datetime) -> None:
    # The new secret keeps its mark until it is seen: a repeated request may still replace it.
    await terms.close_others(token, rotation.new_generation)
    await _close(token, rotation, at)


async def _close(token: models.Token, rotation: TokenRotation, at: datetime) -> None:
    await log_rows.delete_secret_uses(token.tenant_id, token.id)
    rotation.ended_at = at
    await rotation.write("ended_at")


async def _forget(token: models.Token) -> None:
    await log_rows.delete_secret_uses(token.tenant_id, token.id)
    await TokenRotation.filter(tenant_id=token.tenant_id, id=token.id).delete()


async def _show(token: models.Token, hint: str) -> None:
    token.hint = hint
    await save(token, "hint")
    await token_search.update(token)
