"""The effect of a token policy on the tokens that exist: which get another expiry, and when.

Reads alone. `policy_dates` writes the dates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson
from tortoise.expressions import Q
from tortoise.queryset import QuerySet

import models
from server.access.tenancy import cut
from server.database import connection, dialect
from server.lifetimes import Spread, latest_end, spread_days, step_of
from server.paging import Page, PageRequest

MAX_COUNTED = 10_000
NEVER = datetime.max.replace(tzinfo=UTC)
_PART_ENDS = {
    "postgres": """
        SELECT id FROM (
            SELECT id, row_number() OVER (ORDER BY expires_at, id) AS place FROM token
            WHERE tenant_id = $1 AND revoked_at IS NULL AND expires_at IS NULL) AS placed
        WHERE place % $2::bigint = 0
    """,
    "sqlite": """
        SELECT id FROM (
            SELECT id, row_number() OVER (ORDER BY expires_at, id) AS place
            FROM token INDEXED BY idx_token_expiry
            WHERE tenant_id = ? AND revoked_at IS NULL AND expires_at IS NULL) AS placed
        WHERE place % ? = 0
    """,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The effect of a maximum lifetime on tokens that exist.

    latest: the latest expiry from now on, to which later ones are shortened; `NEVER` without a
        maximum.
    spread: the dates of tokens without expiry; None without such tokens.
    ended, shortened: how many tokens get an expiry, and an earlier one: exact up to 10,000, and
        10,001 for more.
    fingerprint: changes when one of these tokens does. Of more than 10,000, only the first count.
    """

    latest: datetime = NEVER
    spread: Spread | None = None
    ended: int = 0
    shortened: int = 0
    fingerprint: bytes = b""

    def expiry(self, token: models.Token) -> datetime:
        """The expiry that a token of `page` gets."""
        if token.expires_at is None and self.spread is not None:
            return self.spread.date(token.id)
        return self.latest


async def plan(tenant_id: UUID, maximum_days: int | None, begins: datetime) -> Plan:
    """The plan of a maximum lifetime that binds tokens from `begins` on."""
    if maximum_days is None:
        return Plan()
    latest = latest_end(begins, maximum_days)
    endless = await _first(without_expiry(tenant_id))
    beyond = await _first(with_later_expiry(tenant_id, latest))
    written = blake2b(digest_size=16)
    for token_id, revision in (*endless, *beyond):
        written.update(token_id.bytes + revision.to_bytes(8))
    return Plan(
        latest,
        await _spread(tenant_id, endless, begins, spread_days(maximum_days)),
        len(endless),
        len(beyond),
        written.digest(),
    )


async def _first(tokens: QuerySet[models.Token]) -> list[tuple[UUID, int]]:
    """The id and revision of the first tokens: one more than are counted, at most."""
    rows = tokens.limit(MAX_COUNTED + 1).values_list("id", "revision")
    return [(token_id, revision) for token_id, revision in await rows]


async def _spread(
    tenant_id: UUID, endless: Sequence[tuple[UUID, int]], begins: datetime, days: int
) -> Spread | None:
    if not endless:
        return None
    if len(endless) <= MAX_COUNTED:
        ids = [token_id for token_id, _ in endless]
        tokens, step = len(ids), step_of(len(ids))
        ends = ids[step - 1 :: step]
        return Spread(begins, days, tokens, ends if tokens % step == 0 else [*ends, ids[-1]])
    tokens = await without_expiry(tenant_id).count()
    values: list[Any] = [str(tenant_id) if dialect() == "sqlite" else tenant_id, step_of(tokens)]
    rows = (await connection().execute_query(_PART_ENDS[dialect()], values))[1]
    ends = sorted(UUID(str(row["id"])) for row in rows)
    if tokens % step_of(tokens):
        ends.append(UUID(int=2**128 - 1))
    return Spread(begins, days, tokens, ends)


def without_expiry(tenant_id: UUID) -> QuerySet[models.Token]:
    """The live tokens without expiry, in the order of their index."""
    tokens = models.Token.filter(tenant_id=tenant_id, expires_at__isnull=True, **models.LIVE)
    return tokens.order_by("expires_at", "id")


def with_later_expiry(tenant_id: UUID, latest: datetime) -> QuerySet[models.Token]:
    """The live tokens that expire after `latest`, in the order of their index."""
    tokens = models.Token.filter(tenant_id=tenant_id, expires_at__gt=latest, **models.LIVE)
    return tokens.order_by("expires_at", "id")


async def page(tenant_id: UUID, plan: Plan, request: PageRequest) -> Page[models.Token]:
    """The tokens that get another expiry: first those without one, by age, then by their expiry.

    A key of `request` is the text of an expiry, or None for a token without one.
    """
    if plan.latest is NEVER:
        return Page([], has_previous=False, has_next=False, keys=[])
    found: list[models.Token] = []
    size = request.size + 1
    endless, beyond = without_expiry(tenant_id), with_later_expiry(tenant_id, plan.latest)
    if request.key is None:
        if request.position is not None:
            endless = endless.filter(id__gt=request.position)
        found = await endless.limit(size)
    elif request.position is not None:
        at = datetime.fromisoformat(request.key)
        later = Q(expires_at__gt=at) | Q(expires_at=at, id__gt=request.position)
        beyond = beyond.filter(later, expires_at__gte=at)
    if len(found) < size:
        found += await beyond.limit(size - len(found))
    rows = cut(found, request, behind=request.position is not None)
    ends = [token.expires_at for token in rows.rows]
    keys = [None if end is None else end.isoformat(" ") for end in ends]
    return Page(rows.rows, rows.has_previous, rows.has_next, keys)


def packed(bounds: Sequence[UUID]) -> bytes:
    """Ids as one value: 16 bytes each."""
    return b"".join(bound.bytes for bound in bounds)


def unpacked(whole: bytes) -> list[UUID]:
    """The ids of such a value."""
    return [UUID(bytes=whole[at : at + 16]) for at in range(0, len(whole), 16)]


def version_of(plan: Plan, *parts: object) -> str:
    """A text that changes with the plan and with each of the parts, which JSON can hold."""
    given = orjson.dumps([plan.latest, plan.ended, plan.shortened, *parts])
    return blake2b(given + plan.fingerprint, digest_size=16).hexdigest()
