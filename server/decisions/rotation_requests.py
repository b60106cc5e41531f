"""A request to rotate a token: repeated, refused, or carried out.

Rights and the activity are up to the operations.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import models
from models import ActorKind, TokenRotation
from server.access.digest_keys import generation_to_keep
from server.access.live_token import require_revision
from server.access.principal import Caller
from server.conditions import clean_end, to_milliseconds
from server.database import database_now
from server.decisions import rotations
from server.decisions.rotations import Plan, Replacement
from server.errors import InvalidInput, RotationUnderWay, SecretAlreadyShown
from server.service import Service
from server.texts import check_idempotency_key
from server.token_format import DigestKey, new_token_secret, token_hint

DEFAULT_DRAIN_SECONDS = 600
MAX_DRAIN_SECONDS = 7 * 86_400
_HOLDERS = UUID(int=0)


@dataclass(frozen=True, slots=True)
class RotationRequest:
    """The request of one caller.

    idempotency_key: makes a retry safe. While the new secret is unseen, a retry by the same caller
        replaces it, on the terms of the first request; later it is refused.
    drain_seconds: how long the old secret lives on after the first use of the new one.
    latest_by: the instant at which it ends in any case, cut to milliseconds.
    compromised: ends all other secrets at once, in every state.
    replace: replaces a pending rotation instead of being refused.
    """

    idempotency_key: str | None = None
    drain_seconds: int = DEFAULT_DRAIN_SECONDS
    latest_by: datetime | None = None
    compromised: bool = False
    replace: bool = False
    if_revision: int | None = None

    def check(self) -> None:
        """Raises `InvalidInput` for values that are invalid for every token."""
        check_idempotency_key(self.idempotency_key)
        if not 0 <= self.drain_seconds <= MAX_DRAIN_SECONDS:
            raise InvalidInput(
                "drainSeconds", f"The old secret lives on for 0 to {MAX_DRAIN_SECONDS:,} seconds."
            )


async def carry_out(
    caller: Caller, service: Service, token: models.Token, request: RotationRequest
) -> tuple[str, dict[str, Any]]:
    """Rotate the locked live token; gives the new secret and the details of the activity.

    Raises `InvalidInput`, `RevisionConflict`, `RotationUnderWay`, or `SecretAlreadyShown` for a
    retry after the new secret was used.
    """
    key, at = service.digest_key, to_milliseconds(await database_now())
    secret = new_token_secret(service.settings.token_brand[0])
    generation = await generation_to_keep(key)
    replacement = Replacement(key.digest("token", secret, generation), token_hint(secret))
    before = await rotations.latest(token, at)
    given = request.idempotency_key
    is_admin = caller.actor.kind is ActorKind.ADMIN
    # Holders share one scope: the rotation is of their one token.
    scoped_key = None if given is None else f"{caller.actor.id if is_admin else _HOLDERS} {given}"
    if before is not None and _is_repeated(before, key, scoped_key, request.compromised):
        if before.picked_up_at is not None:
            raise SecretAlreadyShown(token)
        await rotations.replace_unseen(token, before, replacement)
        return secret, _details(before)
    # After the key: a retry was sent before the first request changed the revision.
    require_revision(token, request.if_revision)
    if before is not None and before.is_under_way(at):
        _refuse_another(token, before, request)
    plan = Plan(
        request.drain_seconds,
        clean_end(request.latest_by, at, "latestBy"),
        request.compromised,
        caller.actor.id if is_admin else None,
        scoped_key and key.digest("rotation", scoped_key, generation).hex(),
    )
    await rotations.start(token, before, replacement, plan, at)
    return secret, _details(plan)


def _is_repeated(
    before: TokenRotation, key: DigestKey, scoped_key: str | None, compromised: bool
) -> bool:
    """Whether the request that started `before` is sent again.

    Not if the token is told to be compromised only now: then its secrets must end.
    """
    if scoped_key is None or before.is_compromised is not compromised:
        return False
    digests = key.digests("rotation", scoped_key)
    return before.idempotency_key in [digest.hex() for digest in digests]


def _refuse_another(token: models.Token, before: TokenRotation, request: RotationRequest) -> None:
    """The rotation `before` is under way. Once its new secret is in use, nothing replaces it."""
    may_replace = request.replace and before.picked_up_at is None
    if not (request.compromised or may_replace):
        raise RotationUnderWay(token)


def _details(plan: Plan | TokenRotation) -> dict[str, Any]:
    return {
        "compromised": plan.is_compromised,
        "latestBy": plan.latest_by.isoformat() if plan.latest_by else None,
        "drainSeconds": plan.drain_seconds,
    }
