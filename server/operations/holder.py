"""Operations of a secret's holder on the token itself: see it, rotate it, and end it."""

from dataclasses import dataclass
from typing import Any

import models
from models import ActivityKind, RevocationReason
from server.access.activity import record
from server.access.held import open_keys
from server.access.live_token import locked, state_of
from server.access.principal import Holder
from server.access.tenancy import change, owned
from server.access.token_filter import MAX_KEY_LENGTH
from server.database import database_now, retried
from server.decisions import access_requests, revoking, rotations
from server.decisions.rotation_requests import RotationRequest, carry_out
from server.errors import InvalidInput, RotationNotAllowed
from server.operations.rotation import Rotated
from server.roles import Right
from server.service import Service
from server.texts import clean_request_reason

_MAX_SHOWN_REQUESTS = 50


@dataclass(frozen=True, slots=True)
class OwnToken:
    """The holder's token: its row, state and tenant, and the permissions that it opens today."""

    token: models.Token
    state: str
    tenant: models.Tenant
    permissions: tuple[str, ...]
    rotation: models.TokenRotation | None


async def describe(holder: Holder, service: Service) -> OwnToken:
    """The holder's own token, with the keys of the permissions that the catalogue has."""
    holder.require(Right.USE_OWN_TOKEN)
    token = await owned(models.Token, holder).get(id=holder.token_id)
    tenant = await models.Tenant.get(id=holder.tenant_id)
    keys = await open_keys(service.catalogue, token)
    at = await database_now() if token.expires_at else None
    under_way = await rotations.under_way(holder.tenant_id, [token.id])
    return OwnToken(token, state_of(token, at), tenant, keys, under_way.get(token.id))


@retried
async def rotate(holder: Holder, service: Service, request: RotationRequest) -> Rotated:
    """Give the own token another secret, where an admin allows its holder to.

    Raises as `rotation.rotate` does, and `RotationNotAllowed`.
    """
    holder.require(Right.USE_OWN_TOKEN)
    request.check()
    async with change(holder, Right.USE_OWN_TOKEN):
        token = await locked(holder, holder.token_id)
        if not token.holder_may_rotate:
            raise RotationNotAllowed
        secret, details = await carry_out(holder, service, token, request)
        await record(holder, ActivityKind.ROTATION_STARTED, token, **details)
    return Rotated(token, secret)


@retried
async def request_access(
    holder: Holder, service: Service, permission: str, reason: str
) -> tuple[models.AccessRequest, bool]:
    """Ask for a permission that the own token lacks: the open request, and whether it is new.

    One at a time is open for a permission. Raises `InvalidInput`, `TooManyAccessRequests`, or
    `NotFound` for a token that was revoked meanwhile.
    """
    holder.require(Right.USE_OWN_TOKEN)
    key = _requestable(service, permission)
    reason = clean_request_reason(reason)
    async with change(holder, Right.USE_OWN_TOKEN):
        token = await locked(holder, holder.token_id)
        if key in await open_keys(service.catalogue, token):
            raise InvalidInput("permission", "The token holds this permission already.")
        request = await access_requests.find_open(token, key)
        if request is not None:
            return request, False
        request = await access_requests.add(token, key, reason, holder.address)
        details = {"permission": key, "reason": reason}
        await record(holder, ActivityKind.ACCESS_REQUESTED, token, **details)
        return request, True


async def own_requests(holder: Holder) -> list[models.AccessRequest]:
    """The latest 50 access requests of the own token, the latest first."""
    holder.require(Right.USE_OWN_TOKEN)
    own = owned(models.AccessRequest, holder).filter(token_id=holder.token_id)
    return await own.order_by("-id").limit(_MAX_SHOWN_REQUESTS)


def _requestable(service: Service, permission: str) -> str:
    """The key of the permission as the catalogue has it. Raises `InvalidInput`."""
    found = service.catalogue.find(permission) if len(permission) <= MAX_KEY_LENGTH else None
    if found is None:
        message = "Name a permission of the API: METHOD and path, such as GET /devices/{id}."
        raise InvalidInput("permission", message)
    return found.key


@retried
async def revoke(holder: Holder) -> None:
    """End the own token for ever. Raises `NotFound` for a token that was revoked meanwhile."""
    holder.require(Right.USE_OWN_TOKEN)
    async with change(holder, Right.USE_OWN_TOKEN):
        await _end(holder, RevocationReason.SELF)


@retried
async def revoke_leaked(
    holder: Holder, found_at: str | None = None, source: str | None = None
) -> None:
    """End a token whose secret is known to others: who reports it holds it too.

    found_at: the URL where it was found, if known. source: the kind of place, as the reporter calls
    it. Raises `NotFound` as `revoke` does.
    """
    holder.require(Right.USE_OWN_TOKEN)
    details = {"foundAt": found_at, "source": source}
    known = {name: value for name, value in details.items() if value is not None}
    async with change(holder, Right.USE_OWN_TOKEN):
        await _end(holder, RevocationReason.COMPROMISED, **known)


async def _end(holder: Holder, reason: RevocationReason, **details: Any) -> None:
    token = await locked(holder, holder.token_id)
    await revoking.revoke(token.tenant_id, [token])
    await record(holder, ActivityKind.REVOKED, token, reason=reason.value, **details)
