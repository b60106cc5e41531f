"""Lists of a tenant's tokens: pages by order and filter, and the ids of all that meet a filter.

A page without further conditions is a range of one index. With conditions, it is filled from the
order's own index where many tokens meet them, or chosen among the tokens of a selective condition
where few do. Where either would examine too many tokens, the list is refused.
"""
# ruff: noqa: S608 - the statements are made of constants

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import cache, partial
from typing import Any, NamedTuple
from uuid import UUID

import models
from server.access import token_ranges
from server.access.principal import Principal
from server.access.reading import Beside, columns, joined_by_id, read_rows, uuid_of
from server.access.reading import beside as beside_of
from server.access.tenancy import cut
from server.access.token_filter import (
    Question,
    TokenFilter,
    Values,
    condition_names,
    conditions,
    never_used,
)
from server.access.token_ranges import Beyond, Range, counted, examined
from server.database import StatementTooLong, dialect, fetch
from server.errors import SearchTooBroad
from server.paging import Page, PageRequest

# Examined for a page, or as many again to choose the page among.
MAX_EXAMINED = 10_000
MAX_COUNTED = 10_000
_MAX_EXAMINED_TO_COUNT = 50_000
_FEW = 1_000
_MAX_NAME_KEY_LENGTH = 200
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?\+00:00", re.ASCII)
_BROAD = "Too many tokens would have to be read for this list. Narrow the filter."
# Of one statement: less than the two seconds after which the database counts as unavailable.
_MAX_SECONDS = 1.5


class _Place(NamedTuple):
    """The place of a token in an order."""

    id: UUID
    key: str | datetime | None


# The name of a place's key beside the columns of a token that is to be shown.
_KEY = "key"
_LAST_USED_AT = "last_used_at"
# Places, or the rows of tokens with the keys of their places.
_Found = list[Any]


class TokenOrder(Enum):
    """The order of a list of tokens."""

    NEWEST = "NEWEST"
    OLDEST = "OLDEST"
    NAME = "NAME"
    LAST_USED = "LAST_USED"
    LEAST_RECENTLY_USED = "LEAST_RECENTLY_USED"
    EXPIRES_SOONEST = "EXPIRES_SOONEST"


@dataclass(frozen=True, slots=True)
class _Segment:
    """A part of an order, read from one range.

    key: the expression over `t` that sorts its tokens before their ids. has_key: if there is one.
    holds_revoked: whether its range has revoked tokens too, where the filter asks for them.
    is_last_use: whether the key is the last use of each token, null for those without one.
    """

    range: Callable[[Question], Range | None]
    descending: bool
    key: str = "NULL"
    has_key: bool = False
    holds_revoked: bool = False
    is_last_use: bool = False


_LAST_USE = (
    "(SELECT u.last_used_at FROM token_last_use u WHERE u.tenant_id = {tenant} AND u.id = t.id)"
)
_by_last_use = partial(_Segment, key=_LAST_USE, is_last_use=True)
_ORDERS: dict[TokenOrder, tuple[_Segment, ...]] = {
    TokenOrder.NEWEST: (_Segment(token_ranges.by_id, True, holds_revoked=True),),
    TokenOrder.OLDEST: (_Segment(token_ranges.by_id, False, holds_revoked=True),),
    TokenOrder.NAME: (_Segment(token_ranges.by_name, False, "lower(t.name)", has_key=True),),
    TokenOrder.LAST_USED: (
        _by_last_use(token_ranges.used, True, has_key=True),
        _by_last_use(token_ranges.unused, True),
    ),
    TokenOrder.LEAST_RECENTLY_USED: (
        _by_last_use(token_ranges.unused, False),
        _by_last_use(token_ranges.used, False, has_key=True),
    ),
    TokenOrder.EXPIRES_SOONEST: (
        _Segment(token_ranges.with_expiry, False, "t.expires_at", has_key=True),
        _Segment(token_ranges.without_expiry, False, "t.expires_at"),
    ),
}


def is_key(order: TokenOrder, key: str | None) -> bool:
    """Whether a cursor of the order may hold this key: the text of an instant, or a name."""
    if key is None:
        return not all(segment.has_key for segment in _ORDERS[order])
    if not any(segment.has_key for segment in _ORDERS[order]):
        return False
    if order is TokenOrder.NAME:
        return 0 < len(key) <= _MAX_NAME_KEY_LENGTH and "\0" not in key
    return _instant_of(key) is not None


def _instant_of(key: str) -> datetime | None:
    try:
        return datetime.fromisoformat(key) if _INSTANT.fullmatch(key) else None
    except ValueError:
        return None


async def page(
    principal: Principal,
    request: PageRequest,
    wanted: TokenFilter,
    order: TokenOrder,
    beside: tuple[Beside, ...] = (),
) -> Page[models.Token]:
    """The tokens that meet the filter, in the order. Raises `SearchTooBroad`."""
    if not wanted.states:
        return Page([], has_previous=False, has_next=False, keys=[])
    question = Question(wanted, principal.tenant_id, beside)
    found = await _found(question, order, request, request.size + 1)
    places = cut(found, request, behind=await _is_behind(question, order, request))
    return Page(
        places.rows,
        places.has_previous,
        places.has_next,
        [_text(beside_of(row, _KEY)) for row in places.rows],
    )


async def ids(principal: Principal, wanted: TokenFilter, most: int = MAX_COUNTED) -> list[UUID]:
    """The ids of the tokens that meet the filter, in no order: `most` and one more at most.

    Raises `SearchTooBroad` where they are fewer and more than 50,000 tokens would be examined.
    """
    if not wanted.states:
        return []
    question = Question(wanted, principal.tenant_id)
    for ranges in (*token_ranges.selections(question), (token_ranges.by_id(question),)):
        found = await _all_of(question, ranges, most + 1)
        if len(found) > most or await _holds_at_most(
            _MAX_EXAMINED_TO_COUNT, ranges, question.tenant_id
        ):
            return found
    raise SearchTooBroad(_BROAD)


async def _found(
    question: Question,
    order: TokenOrder,
    request: PageRequest,
    size: int,
    *,
    inclusive: bool = False,
) -> _Found:
    """The first `size` tokens beyond the request's position, or from it on."""
    segments = _ORDERS[order][:: -1 if request.backwards else 1]
    beyond = Beyond()
    if request.position is not None:
        has_key = request.key is not None
        while segments[0].has_key is not has_key:
            segments = segments[1:]
        beyond = Beyond(id=request.position, key=_typed(order, request.key), inclusive=inclusive)
    found: _Found = []
    for segment in segments:
        in_order = Beyond(
            segment.descending is not request.backwards, beyond.id, beyond.key, beyond.inclusive
        )
        found += await _of_segment(question, segment, in_order, size - len(found))
        if len(found) >= size:
            break
        beyond = Beyond()
    return found


def _typed(order: TokenOrder, key: str | None) -> object:
    """A cursor's key as the database compares it. SQLite keeps instants as text."""
    if key is None or order is TokenOrder.NAME or dialect() == "sqlite":
        return key
    return _instant_of(key)


async def _is_behind(question: Question, order: TokenOrder, request: PageRequest) -> bool:
    """Whether there are tokens on the side that the request came from."""
    if request.position is None:
        return False
    back = PageRequest(1, request.position, not request.backwards, request.key)
    question = replace(question, beside=None)
    try:
        return bool(await _found(question, order, back, 1, inclusive=True))
    except SearchTooBroad:
        return True  # there was one when the cursor was given


async def _of_segment(question: Question, segment: _Segment, beyond: Beyond, size: int) -> _Found:
    """The first tokens of a segment beyond a place. Raises `SearchTooBroad`."""
    own = segment.range(question)
    if own is None:
        return []
    can_walk = question.wanted.is_of_live or segment.holds_revoked
    if can_walk:
        found = await _walked(question, segment, own, beyond, size, _FEW)
        if found is not None:
            return found
    for ranges in token_ranges.selections(question):
        if await _holds_at_most(MAX_EXAMINED, ranges, question.tenant_id):
            return await _chosen(question, segment, ranges, beyond, size)
    if can_walk:
        found = await _walked(question, segment, own, beyond, size, MAX_EXAMINED)
        if found is not None:
            return found
    elif await _holds_at_most(MAX_EXAMINED, [token_ranges.by_id(question)], question.tenant_id):
        return await _chosen(question, segment, [token_ranges.by_id(question)], beyond, size)
    raise SearchTooBroad(_BROAD)


async def _walked(
    question: Question, segment: _Segment, own: Range, beyond: Beyond, size: int, limit: int
) -> _Found | None:
    """The first tokens in a segment's own range; None if the limit is reached before."""
    values = Values(question.tenant_id)
    left = condition_names(question.wanted) - own.meets
    is_exact = not left and not own.has_strays
    rows, key = token_ranges.walked(
        own, values, size if is_exact else limit, beyond, has_key=segment.has_key
    )
    where = [*conditions(left, question, values), *([never_used(values)] * own.has_strays)]
    sql = f"{rows} WHERE {' AND '.join(where) or 'true'} LIMIT {size}"
    is_short = is_exact or limit <= _FEW
    found = await _run(question, segment, key, sql, values, is_short=is_short)
    if len(found) == size or is_exact:
        return found
    complete = await _holds_at_most(limit, [own], question.tenant_id, beyond)
    return found if complete else None


async def _chosen(
    question: Question, segment: _Segment, ranges: Sequence[Range], beyond: Beyond, size: int
) -> _Found:
    """The first tokens of a segment among all those of other ranges, which are few."""
    values = Values(question.tenant_id)
    left = condition_names(question.wanted) - frozenset.intersection(*(r.meets for r in ranges))
    key = segment.key.format(tenant=values.tenant)
    rows = _together(ranges, key, values, MAX_EXAMINED)
    where = [*conditions(left, question, values, "e"), *_membership(segment)]
    sql = f"SELECT e.id, e.key FROM ({rows}) e WHERE {' AND '.join(where) or 'true'}"
    order = beyond.order(*(("e.key", "e.id") if segment.has_key else ("e.id",)))
    sql += f"{beyond.term('e.key', 'e.id', values)} ORDER BY {order} LIMIT {size}"
    join = joined_by_id(values.dialect, "token", "token", values.tenant)
    return await _run(question, segment, "x.key", f"FROM ({sql}) x {join}", values)


def _membership(segment: _Segment) -> list[str]:
    """The condition on `e` to be in the segment."""
    if segment.key == "NULL":
        return []
    return [f"e.key IS{' NOT' if segment.has_key else ''} NULL"]


async def _all_of(question: Question, ranges: Sequence[Range], size: int) -> list[UUID]:
    """The ids of the tokens of these ranges that meet the filter."""
    values = Values(question.tenant_id)
    left = condition_names(question.wanted) - frozenset.intersection(*(r.meets for r in ranges))
    rows = _together(ranges, "NULL", values, _MAX_EXAMINED_TO_COUNT)
    where = " AND ".join(conditions(left, question, values, "e")) or "true"
    sql = f"SELECT e.id FROM ({rows}) e WHERE {where} LIMIT {size}"
    return [uuid_of(row[0]) for row in await _rows(sql, values)]


def _together(ranges: Sequence[Range], key: str, values: Values, limit: int) -> str:
    parts = [f"SELECT * FROM ({examined(one, key, values, limit)}) r" for one in ranges]
    return " UNION ALL ".join(parts)


async def _holds_at_most(
    limit: int, ranges: Collection[Range], tenant_id: UUID, beyond: Beyond = token_ranges.EVERYTHING
) -> bool:
    """Whether each of the ranges has no more rows than that beyond the place."""
    for one in ranges:
        values = Values(tenant_id)
        sql = counted(one, values, limit + 1, beyond)
        [[held]] = await _rows(sql, values)
        if held > limit:
            return False
    return True


async def _run(
    question: Question,
    segment: _Segment,
    key: str,
    sql: str,
    values: Values,
    *,
    is_short: bool = False,
) -> _Found:
    """The places that a statement gives, or the rows of tokens that the question asks for.

    sql: from FROM on; it calls each token `token`. key: the expression of the key of its place.
    is_short: whether it examines some hundreds of rows at most.
    """
    if question.beside is None:
        rows = await _rows(f"SELECT token.id, {key} {sql}", values, is_short=is_short)
        return [_Place(uuid_of(row[0]), row[1]) for row in rows]
    further = _beside(question.beside, key, is_last_use=segment.is_last_use)
    shown = columns(models.Token, "token", values.tenant, *further)
    rows = await _rows(f"SELECT {shown} {sql}", values, is_short=is_short)
    return read_rows(models.Token, rows, further)


@cache
def _beside(asked: tuple[Beside, ...], key: str, *, is_last_use: bool) -> tuple[Beside, ...]:
    """The columns that are asked for beside those of a token, and the key of its place.

    is_last_use: take the last use from the key, instead of reading it again for each token.
    """

    def written(_: str) -> str:
        return key

    taken = {_LAST_USED_AT} if is_last_use else set()
    own = (one._replace(sql=written) if one.name in taken else one for one in asked)
    return (*own, Beside(_KEY, written))


async def _rows(sql: str, values: Values, *, is_short: bool = False) -> Sequence[Sequence[Any]]:
    """Raises `SearchTooBroad` for a statement that takes too long."""
    try:
        return await fetch(sql, values.given, seconds=None if is_short else _MAX_SECONDS)
    except StatementTooLong:
        raise SearchTooBroad(_BROAD) from None


def _text(key: str | datetime | None) -> str | None:
    """A key as a cursor holds it."""
    return key.isoformat(" ") if isinstance(key, datetime) else key
