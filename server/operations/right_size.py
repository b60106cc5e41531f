"""Compares the permissions of a token with their use. Suggests, and changes nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import models
from server.access.permission_uses import KEPT_DAYS, Uses, uses_of
from server.access.principal import Principal
from server.access.tenancy import owned
from server.access.token_filter import MAX_KEY_LENGTH
from server.catalogue import Catalogue
from server.database import database_now
from server.errors import InvalidInput
from server.rhythms import Rhythm, rhythm_of
from server.roles import Right

DEFAULT_DAYS = 90


@dataclass(frozen=True, slots=True)
class PermissionUse:
    """A permission and its use.

    requests: how many were allowed in the period. first_at, last_at: within the last 400 days, and
    None if never. rhythm: None without one.
    """

    key: str
    requests: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    rhythm: Rhythm | None = None


@dataclass(frozen=True, slots=True)
class RightSize:
    """A set of permissions beside the use of the last `days` days.

    used, unused: the set. denied: the operations that were allowed and that the set would deny.
    requests_denied: how many of the `requests` that were allowed in the period. suggested: the keys
    of the set that are used, or that have a rhythm.
    """

    days: int
    since: date
    used: tuple[PermissionUse, ...]
    unused: tuple[PermissionUse, ...]
    denied: tuple[PermissionUse, ...]
    requests_denied: int
    requests: int
    suggested: tuple[str, ...]


async def right_size(principal: Principal, token_id: UUID, days: int = DEFAULT_DAYS) -> RightSize:
    """The token's permissions by their use; as if only the used ones had been granted.

    days: 1 to 400 with today, in UTC. Raises `InvalidInput` or `QueryTooComplex`.
    """
    principal.require(Right.READ)
    held = owned(models.TokenPermission, principal).filter(token_id=token_id)
    keys = [str(key) for key in await held.values_list("key", flat=True)]
    uses, since = await _uses(principal, token_id, days)
    used = [key for key in keys if (found := uses.get(models.shape_of(key))) and found.requests]
    return _compared(keys, used, uses, days, since)


async def preview(
    principal: Principal,
    catalogue: Catalogue,
    token_id: UUID,
    permissions: Sequence[str],
    days: int = DEFAULT_DAYS,
) -> RightSize | None:
    """The same for any set, as if it had been granted; None if the tenant has no such token.

    Raises `InvalidInput`, for a key that is neither in `catalogue` nor held by the token too.
    """
    principal.require(Right.READ)
    if not await owned(models.Token, principal).filter(id=token_id).exists():
        return None
    held = owned(models.TokenPermission, principal).filter(token_id=token_id)
    held_keys = [str(key) for key in await held.values_list("key", flat=True)]
    keys = _known(catalogue, permissions, held_keys)
    uses, since = await _uses(principal, token_id, days)
    return _compared(keys, keys, uses, days, since)


def _known(catalogue: Catalogue, permissions: Sequence[str], held: Iterable[str]) -> list[str]:
    """The keys as the catalogue, or else the token, writes them: each once."""
    own = {models.shape_of(key): key for key in held}
    known: dict[str, None] = {}
    for place, text in enumerate(permissions, start=1):
        found = catalogue.find(text) if len(text) <= MAX_KEY_LENGTH else None
        key = found.key if found else own.get(models.shape_of(text[:MAX_KEY_LENGTH]))
        if key is None:
            # The text stays out of the message: it may hold a secret.
            raise InvalidInput("permissions", f"No such permission: entry {place}.")
        known[key] = None
    return list(known)


async def _uses(principal: Principal, token_id: UUID, days: int) -> tuple[dict[str, Uses], date]:
    """The uses by the shape of the key, and the first day of the period."""
    if not 1 <= days <= KEPT_DAYS:
        raise InvalidInput("days", f"Uses are kept for {KEPT_DAYS} days: choose 1 to {KEPT_DAYS}.")
    today = (await database_now()).astimezone(UTC).date()
    since = today - timedelta(days=days - 1)
    found = await uses_of(principal.tenant_id, token_id, since, today)
    return {models.shape_of(uses.key): uses for uses in found}, since


def _compared(
    keys: Sequence[str], granted: Sequence[str], uses: dict[str, Uses], days: int, since: date
) -> RightSize:
    """`keys` by their use; and the requests that only `granted` would have denied."""
    shown = [_use(key, uses.get(models.shape_of(key))) for key in keys]
    would_pass = {models.shape_of(key) for key in granted}
    denied = [
        _use(one.key, one)
        for shape, one in uses.items()
        if shape not in would_pass and one.requests
    ]
    return RightSize(
        days,
        since,
        used=_most_requests_first(use for use in shown if use.requests),
        unused=_most_requests_first(use for use in shown if not use.requests),
        denied=_most_requests_first(denied),
        requests_denied=sum(use.requests for use in denied),
        requests=sum(one.requests for one in uses.values()),
        suggested=tuple(use.key for use in shown if use.requests or use.rhythm is not None),
    )


def _most_requests_first(uses: Iterable[PermissionUse]) -> tuple[PermissionUse, ...]:
    return tuple(sorted(uses, key=lambda use: (-use.requests, use.key)))


def _use(key: str, uses: Uses | None) -> PermissionUse:
    if uses is None:
        return PermissionUse(key)
    rhythm = rhythm_of(uses.days, uses.weeks)
    return PermissionUse(key, uses.requests, uses.first_at, uses.last_at, rhythm)
