"""Access requests within the transaction that changes them, and their closing.

The caller has locked the request's token, so that a request is decided once, and one at a time is
open for a permission.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from tortoise.queryset import QuerySet

import models
from models import AccessRequestState, ActivityKind
from server.access.activity import record
from server.access.live_token import locked
from server.access.principal import Caller, Principal
from server.database import database_now
from server.errors import InvalidInput, NotFound, TooManyAccessRequests

MAX_A_DAY = 10
_DAY = timedelta(days=1)


def of_token(token: models.Token) -> QuerySet[models.AccessRequest]:
    """All requests of a token."""
    return models.AccessRequest.filter(tenant_id=token.tenant_id, token_id=token.id)


async def find_open(token: models.Token, key: str) -> models.AccessRequest | None:
    """The open request of the token for this permission, if there is one."""
    fingerprint = models.permission_fingerprint(key)
    return await _open(token).get_or_none(fingerprint=fingerprint)


async def add(token: models.Token, key: str, reason: str, address: str) -> models.AccessRequest:
    """Open a request. Raises `TooManyAccessRequests` for the eleventh within a day."""
    now = await database_now()
    latest = await of_token(token).order_by("-id").limit(MAX_A_DAY).only("id", "created_at")
    if len(latest) == MAX_A_DAY and latest[-1].created_at > now - _DAY:
        wait = latest[-1].created_at + _DAY - now
        raise TooManyAccessRequests(MAX_A_DAY, int(wait.total_seconds()) + 1)
    return await models.AccessRequest.create(
        tenant_id=token.tenant_id,
        token_id=token.id,
        created_at=now,
        key=key,
        reason=reason,
        address=address,
    )


async def close_granted(who: Caller, token: models.Token, keys: Iterable[str]) -> None:
    """Close the open requests for permissions that the token has got just now."""
    wanted = {models.permission_fingerprint(key) for key in keys}
    for request in await _open(token).order_by("id"):
        if bytes(request.fingerprint) in wanted:
            await _decide(who, request, AccessRequestState.GRANTED)
            await record(who, ActivityKind.ACCESS_GRANTED, token, permission=request.key)


async def locked_open(
    principal: Principal, request_id: UUID
) -> tuple[models.Token, models.AccessRequest]:
    """An open request and its token, locked.

    Raises `NotFound`, also where the token is revoked, or `InvalidInput` for a decided request.
    """
    own = models.AccessRequest.filter(tenant_id=principal.tenant_id, id=request_id)
    found = await own.get_or_none()
    if found is None:
        raise NotFound
    token = await locked(principal, found.token_id)
    # Once more: it may have been decided before the token was locked.
    request = await own.get()
    if request.state is not AccessRequestState.OPEN:
        raise InvalidInput("requestId", "This request is decided already.")
    return token, request


async def decline(who: Caller, request: models.AccessRequest, reason: str) -> None:
    """Decline an open request, with a reason for the holder. The caller records it."""
    request.decline_reason = reason
    await _decide(who, request, AccessRequestState.DECLINED)


async def end(tenant_id: UUID, token_ids: Sequence[UUID]) -> None:
    """End the open requests of tokens that are revoked."""
    ended = models.AccessRequest.filter(
        tenant_id=tenant_id, token_id__in=token_ids, state=AccessRequestState.OPEN
    )
    await ended.update(state=AccessRequestState.ENDED, decided_at=models.now())


def _open(token: models.Token) -> QuerySet[models.AccessRequest]:
    return of_token(token).filter(state=AccessRequestState.OPEN)


async def _decide(who: Caller, request: models.AccessRequest, state: AccessRequestState) -> None:
    request.state, request.decided_at = state, await database_now()
    request.decided_by_id = who.actor.id
    await request.write("state", "decided_at", "decided_by_id", "decline_reason")
