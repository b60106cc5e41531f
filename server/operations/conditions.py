"""Operations on a token's conditions: expiry, pause, networks, its own limit, and its owner.

Permissions say which calls a token may make; conditions say when, from where, how often, and for
how long. They belong to the token: all its secrets have the same.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import models
from models import ActivityKind
from server.access import token_policies
from server.access.activity import record
from server.access.live_token import locked, save, state_of
from server.access.principal import Principal
from server.access.tenancy import change
from server.conditions import clean_limit, clean_networks, networks_of
from server.database import database_now, retried
from server.decisions import terms
from server.errors import NotFound
from server.roles import Right


@retried
async def set_expiry(
    principal: Principal,
    token_id: UUID,
    expires_at: datetime | None,
    if_revision: int | None = None,
) -> models.Token:
    """Let a live token end at an instant, which is cut to milliseconds; None for never.

    A later instant revives an expired token. The maximum of the token policy counts from now on.
    Raises `InvalidInput` for an instant that is not in the future by the database's clock or beyond
    that maximum, `NotFound` or `RevisionConflict`.
    """
    principal.require(Right.MANAGE_TOKENS)
    async with change(principal, Right.MANAGE_TOKENS):
        now = await database_now()
        # Before the token: a change of the policy locks in the same order.
        lifetimes = await token_policies.lifetimes(principal.tenant_id, now)
        token = await locked(principal, token_id, if_revision)
        wanted = lifetimes.expiry(expires_at, now)
        if token.expires_at != wanted:
            details = {"previousExpiresAt": _text(token.expires_at), "expiresAt": _text(wanted)}
            if state_of(token, now) == "EXPIRED":
                token.resumed_at = now
            token.expires_at = wanted
            await _write(token, "expires_at", "resumed_at")
            await record(principal, ActivityKind.EXPIRY_SET, token, **details)
    return token


@retried
async def pause(
    principal: Principal, token_id: UUID, if_revision: int | None = None
) -> models.Token:
    """Refuse a live token until it is resumed. Raises `NotFound` or `RevisionConflict`."""
    principal.require(Right.STOP_TOKENS)
    async with change(principal, Right.STOP_TOKENS):
        token = await locked(principal, token_id, if_revision)
        if token.paused_at is None:
            token.paused_at = await database_now()
            await _write(token, "paused_at")
            await record(principal, ActivityKind.PAUSED, token)
    return token


@retried
async def resume(
    principal: Principal, token_id: UUID, if_revision: int | None = None
) -> models.Token:
    """Accept a paused token again. Raises as `pause` does."""
    principal.require(Right.STOP_TOKENS)
    async with change(principal, Right.STOP_TOKENS):
        token = await locked(principal, token_id, if_revision)
        if token.paused_at is not None:
            token.paused_at, token.resumed_at = None, await database_now()
            await _write(token, "paused_at", "resumed_at")
            await record(principal, ActivityKind.RESUMED, token)
    return token


@retried
async def set_networks(
    principal: Principal, token_id: UUID, networks: Sequence[str], if_revision: int | None = None
) -> models.Token:
    """Accept a live token only from these networks (CIDR notation), or from anywhere if there are
    none.

    The tenant's networks bind too. Raises `InvalidInput`, `NotFound` or `RevisionConflict`.
    """
    principal.require(Right.MANAGE_TOKENS)
    joined = clean_networks(networks)
    async with change(principal, Right.MANAGE_TOKENS):
        token = await locked(principal, token_id, if_revision)
        if token.networks != joined:
            details = {
                "previousNetworks": networks_of(token.networks),
                "networks": networks_of(joined),
            }
            token.networks = joined
            await _write(token, "networks")
            await record(principal, ActivityKind.NETWORKS_SET, token, **details)
    return token


@retried
async def set_rate_limit(
    principal: Principal,
    token_id: UUID,
    requests_per_hour: int | None,
    if_revision: int | None = None,
) -> models.Token:
    """Give a live token a limit of its own beside the tenant's; None takes it away.

    Raises `InvalidInput`, `NotFound` or `RevisionConflict`.
    """
    principal.require(Right.MANAGE_TOKENS)
    limit = clean_limit(requests_per_hour)
    async with change(principal, Right.MANAGE_TOKENS):
        token = await locked(principal, token_id, if_revision)
        if token.requests_per_hour != limit:
            details = {
                "previousRequestsPerHour": token.requests_per_hour,
                "requestsPerHour": limit,
            }
            token.requests_per_hour = limit
            await _write(token, "requests_per_hour")
            await record(principal, ActivityKind.RATE_LIMIT_SET, token, **details)
    return token


@retried
async def set_holder_may_rotate(
    principal: Principal, token_id: UUID, holder_may_rotate: bool, if_revision: int | None = None
) -> models.Token:
    """Allow the holder of a live token to rotate it, or withdraw that.

    Raises `NotFound` or `RevisionConflict`.
    """
    principal.require(Right.MANAGE_TOKENS)
    async with change(principal, Right.MANAGE_TOKENS):
        token = await locked(principal, token_id, if_revision)
        if bool(token.holder_may_rotate) is not holder_may_rotate:
            token.holder_may_rotate = holder_may_rotate
            await save(token, "holder_may_rotate")
            details = {"holderMayRotate": holder_may_rotate}
            await record(principal, ActivityKind.HOLDER_MAY_ROTATE_SET, token, **details)
    return token


@retried
async def transfer(
    principal: Principal, token_id: UUID, owner_id: UUID | None, if_revision: int | None = None
) -> models.Token:
    """Give a live token to another admin, whose removal then revokes it, or to the organisation
    (None).

    Raises `NotFound`, also for an admin who is not there, or `RevisionConflict`.
    """
    principal.require(Right.MANAGE_TOKENS)
    others = [] if owner_id is None else [owner_id]
    # The new owner's row is locked: their removal waits, and then finds this token too.
    async with change(principal, Right.MANAGE_TOKENS, *others) as admins:
        token = await locked(principal, token_id, if_revision)
        if owner_id is not None and owner_id not in admins:
            raise NotFound
        if token.owner_id != owner_id:
            details = {"previousOwner": _text(token.owner_id), "owner": _text(owner_id)}
            token.owner_id = owner_id
            await save(token, "owner_id")
            await record(principal, ActivityKind.TRANSFERRED, token, **details)
    return token


async def states(principal: Principal, tokens: Sequence[models.Token]) -> list[str]:
    """The state of each token: the last that applies of ACTIVE, PAUSED, EXPIRED, REVOKED.

    By the database's clock, which is asked only where a token has an expiry.
    """
    principal.require(Right.READ)
    at = await database_now() if any(token.expires_at for token in tokens) else None
    return [state_of(token, at) for token in tokens]


async def _write(token: models.Token, *columns: str) -> None:
    """Save the changed columns, and write the token's conditions to its secrets."""
    await save(token, *columns)
    await terms.write_conditions(token)


def _text(value: datetime | UUID | None) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value is None else str(value)
