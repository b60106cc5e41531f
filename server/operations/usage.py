"""Reading the usage of tokens. It is written in `server.decisions.log_rows`."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from tortoise.functions import Max, Min, Sum
from tortoise.queryset import QuerySet

import models
from server.access.principal import Principal
from server.access.reading import owned_rows
from server.access.tenancy import owned
from server.decisions.log_rows import KEPT_REFUSALS
from server.errors import InvalidInput, QueryTooComplex
from server.roles import Right

DEFAULT_DAYS, MAX_DAYS = 30, 400
_MAX_DAYS = 400_000
_DAYS_AT_ONCE, _PART = 50_000, 10


@dataclass(frozen=True, slots=True)
class Usage:
    """How often a token asked for one operation. `key` is empty where none matched."""

    key: str
    allowed: int
    denied: int
    first_used_at: datetime
    last_used_at: datetime


async def of_tokens(
    principal: Principal, token_ids: Collection[UUID], since: datetime | None = None
) -> dict[UUID, list[Usage]]:
    """The use of each of these tokens by operation, the latest used first.

    Empty for a token of another tenant. Raises `QueryTooComplex` where more than 400,000 days of
    use would have to be summed.

    since: counts from the beginning of its day, in UTC; None is from the oldest there is.
    """
    principal.require(Right.READ)
    days = owned(models.TokenUse, principal)
    if since is not None:
        days = days.filter(day__gte=since.astimezone(UTC).date())
    found: dict[UUID, list[Usage]] = {token_id: [] for token_id in token_ids}
    for part in await _parts(days, list(token_ids)):
        for token_id, *columns in await _summed(days.filter(token_id__in=part)):
            found[token_id].append(Usage(*columns))
    return {token_id: _by_shape(usages) for token_id, usages in found.items()}


@dataclass(frozen=True, slots=True)
class DayOfUse:
    """How many calls with a token were allowed and denied on one day, in UTC."""

    day: date
    allowed: int
    denied: int


async def by_day(
    principal: Principal, token_ids: Collection[UUID], days: int = DEFAULT_DAYS
) -> dict[UUID, list[DayOfUse]]:
    """The calls with each of these tokens on each of the last days, the earliest day first.

    A day without calls is missing. days: 1 to 400 with today, in UTC. Raises `InvalidInput`, or
    `QueryTooComplex` as `of_tokens` does.
    """
    principal.require(Right.READ)
    if not 1 <= days <= MAX_DAYS:
        raise InvalidInput("days", f"Uses are kept for {MAX_DAYS} days: choose 1 to {MAX_DAYS}.")
    since = models.now().date() - timedelta(days=days - 1)
    used = owned(models.TokenUse, principal).filter(day__gte=since)
    found: dict[UUID, list[DayOfUse]] = {token_id: [] for token_id in token_ids}
    for part in await _parts(used, list(token_ids)):
        summed = used.filter(token_id__in=part).annotate(
            sum_allowed=Sum("allowed"), sum_denied=Sum("denied")
        )
        rows = summed.group_by("token_id", "day")
        for token_id, *columns in await rows.values_list(
            "token_id", "day", "sum_allowed", "sum_denied"
        ):
            found[token_id].append(DayOfUse(*columns))
    return {token_id: sorted(uses, key=lambda one: one.day) for token_id, uses in found.items()}


def _by_shape(usages: list[Usage]) -> list[Usage]:
    """The latest used first, and one where a parameter of an operation's path has changed names."""
    merged: dict[str, Usage] = {}
    for usage in sorted(usages, key=lambda one: one.last_used_at, reverse=True):
        shape = models.shape_of(usage.key)
        later = merged.get(shape)
        merged[shape] = usage if later is None else _sum(later, usage)
    return list(merged.values())


def _sum(later: Usage, earlier: Usage) -> Usage:
    return replace(
        later,
        allowed=later.allowed + earlier.allowed,
        denied=later.denied + earlier.denied,
        first_used_at=min(later.first_used_at, earlier.first_used_at),
    )


async def _parts(days: QuerySet[models.TokenUse], token_ids: list[UUID]) -> list[list[UUID]]:
    """The tokens together, or in parts where one statement would keep the database busy."""
    of_all = days.filter(token_id__in=token_ids)
    if not await _has_more_than(_DAYS_AT_ONCE, of_all):
        return [token_ids]
    if await _has_more_than(_MAX_DAYS, of_all):
        raise QueryTooComplex("Ask for the usage of fewer tokens, or with a later `since`.")
    return [token_ids[start : start + _PART] for start in range(0, len(token_ids), _PART)]


async def _has_more_than(number: int, days: QuerySet[models.TokenUse]) -> bool:
    """Whether there are more rows, by reading no more of the index than that."""
    return bool(await days.offset(number).limit(1).values_list("day"))


async def _summed(days: QuerySet[models.TokenUse]) -> list[tuple[UUID, Any, Any, Any, Any, Any]]:
    summed = days.annotate(
        sum_allowed=Sum("allowed"),
        sum_denied=Sum("denied"),
        first=Min("first_used_at"),
        last=Max("last_used_at"),
    )
    return await summed.group_by("token_id", "key").values_list(
        "token_id", "key", "sum_allowed", "sum_denied", "first", "last"
    )


async def last_uses(
    principal: Principal, token_ids: Collection[UUID]
) -> dict[UUID, models.TokenLastUse]:
    """The last use of each of these tokens: time and client. Unused tokens are missing."""
    principal.require(Right.READ)
    found = await owned_rows(models.TokenLastUse, principal, id__in=token_ids)
    return {last.id: last for last in found}


async def recent_refusals(
    principal: Principal, token_ids: Collection[UUID]
) -> dict[UUID, list[models.TokenRefusal]]:
    """The latest 20 refusals of each of these tokens, the latest first."""
    principal.require(Right.READ)
    refusals: dict[UUID, list[models.TokenRefusal]] = {token_id: [] for token_id in token_ids}
    found = await owned_rows(
        models.TokenRefusal, principal, token_id__in=token_ids, order_by=("-id",)
    )
    for refusal in found:
        if len(refusals[refusal.token_id]) < KEPT_REFUSALS:
            refusals[refusal.token_id].append(refusal)
    return refusals
