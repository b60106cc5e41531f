"""Pages of a tenant's activity by filter: each is read off ranges of indexes.

The activities of one kind, of one actor and of one subject, or of two or three of these together,
are each a range of an index in the order of ids. A page of several kinds is merged from one range
for each kind. A page of most kinds is looked for among the next activities of any kind first. Ids
increase with time, so that instants are bounds of these ranges.
"""
# ruff: noqa: S608 - the statements are made of constants

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import lru_cache
from itertools import count
from typing import NamedTuple
from uuid import UUID

import models
from models import ActivityKind
from server.access.reading import Beside, columns, joined_by_place, rows, rows_by
from server.access.tenancy import cut, page_of
from server.access.token_filter import Values
from server.database import dialect
from server.internals.asyncpg import QuickUUID
from server.paging import Page, PageRequest

_EVERY_KIND = frozenset(ActivityKind)
_LEAST, _GREATEST = QuickUUID("0" * 32), QuickUUID("f" * 32)
# The numbers of kinds for which SQLite's statements are made, each by half as many again or less.
_NUMBERS = (2, 3, 4, 6, 8, 11, 16, 22, 32, 45, 64)
# A page of most kinds is looked for among so many times as many activities.
_MAX_LOOKED_AT = 3


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """The conditions of a list: its activities meet each one that is given.

    actor_id: of an admin, or of a token whose holder acted. subject_id: of the token, admin or
    tenant that it is about. since: from this instant on. until: before this instant.
    """

    kinds: frozenset[ActivityKind] | None = None
    actor_id: UUID | None = None
    subject_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


async def page(
    tenant_id: UUID,
    request: PageRequest,
    wanted: ActivityFilter,
    *,
    newest_first: bool = True,
    beside: tuple[Beside, ...] = (),
) -> Page[models.Activity]:
    """The activities of a tenant that meet the filter, the latest or the earliest first."""
    if wanted.kinds == _EVERY_KIND:
        wanted = replace(wanted, kinds=None)
    if wanted == ActivityFilter(subject_id=wanted.subject_id):
        about = {} if wanted.subject_id is None else {"subject_id": wanted.subject_id}
        return await page_of(
            models.Activity,
            request,
            newest_first=newest_first,
            beside=beside,
            tenant_id=tenant_id,
            **about,
        )
    asked = _Ranges(tenant_id, wanted, newest_first)
    found = await asked.beyond(request, request.size + 1, beside=beside)
    return cut(found, request, behind=await asked.is_behind(request))


def _first_at(instant: datetime) -> UUID:
    """The least id that an activity at this instant or later can have."""
    tick = min(max(models.tick_from(instant), 0), (1 << 60) - 1)
    return models.id_of_tick(tick)


class _Bounds(NamedTuple):
    """A range of ids."""

    lower: UUID
    upper: UUID
    # Whether the ends belong to the range.
    has_lower: bool
    has_upper: bool


@dataclass(frozen=True, slots=True)
class _Ranges:
    """A list that is read off one range of an index, or off one for each kind."""

    tenant_id: UUID
    wanted: ActivityFilter
    newest_first: bool

    async def beyond(
        self,
        request: PageRequest,
        size: int,
        *,
        inclusive: bool = False,
        beside: tuple[Beside, ...] = (),
    ) -> list[models.Activity]:
        """The first `size` activities beyond the request's position, or from it on."""
        wanted = self.wanted
        if wanted.kinds == frozenset():
            return []
        descending = self.newest_first is not request.backwards
        bounds = self._bounds(request.position, descending, inclusive)
        kinds = wanted.kinds
        if kinds is None and wanted.actor_id is not None and wanted.subject_id is not None:
            # No index has the activities of an actor and a subject regardless of kinds.
            kinds = _EVERY_KIND
        ways = [_Way.ANY] if kinds is None else _ways(wanted, kinds)
        found: list[models.Activity] = []
        for way in ways:
            shape = _Shape(
                dialect(), way, _padded(way, kinds or ()), wanted.actor_id is not None,
                wanted.subject_id is not None, bounds.has_lower, bounds.has_upper, descending,
                size, beside,
            )  # fmt: skip
            found = await self._read(shape, bounds, kinds or frozenset())
            if len(found) == size:
                break
        return found

    async def _read(
        self, shape: "_Shape", bounds: "_Bounds", kinds: frozenset[ActivityKind]
    ) -> list[models.Activity]:
        values = Values(self.tenant_id)
        for value in (bounds.lower, bounds.upper, self.wanted.actor_id, self.wanted.subject_id):
            if value is not None:
                values.put(value)
        if shape.way is _Way.AMONG or (shape.way is _Way.MERGED and shape.dialect == "postgres"):
            values.put(_names(kinds))
        elif shape.way is not _Way.ANY:
            names = sorted(_names(kinds))
            values.given += names + [""] * (shape.kinds - len(names))
        return await rows_by(models.Activity, _statement(shape), values.given, shape.beside)

    async def is_behind(self, request: PageRequest) -> bool:
        """Whether there are activities on the side that the request came from."""
        if request.position is None:
            return False
        # Nearly always that of the cursor itself.
        own = await rows(models.Activity, tenant_id=self.tenant_id, id=request.position)
        if any(map(self._holds, own)):
            return True
        back = PageRequest(1, request.position, not request.backwards)
        return bool(await self.beyond(back, 1, inclusive=True))

    def _holds(self, row: models.Activity) -> bool:
        """Whether the list has this activity."""
        wanted, bounds = self.wanted, self._bounds(None, descending=False, inclusive=False)
        return (
            (wanted.kinds is None or row.kind in wanted.kinds)
            and wanted.actor_id in (None, row.actor_id)
            and wanted.subject_id in (None, row.subject_id)
            and bounds.lower <= row.id
            and (row.id < bounds.upper or (bounds.has_upper and row.id == bounds.upper))
        )

    def _bounds(self, position: UUID | None, descending: bool, inclusive: bool) -> _Bounds:
        """The ids beyond the position, or from it on, at the wanted instants."""
        lower, upper = (_LEAST, True), (_GREATEST, True)
        if self.wanted.since is not None:
            lower = (_first_at(self.wanted.since), True)
        if self.wanted.until is not None:
            upper = (_first_at(self.wanted.until), False)
        if position is not None and descending:
            upper = min(upper, (position, inclusive))
        elif position is not None:
            lower = max(lower, (position, inclusive), key=lambda end: (end[0], not end[1]))
        return _Bounds(lower[0], upper[0], lower[1], upper[1])


class _Way(Enum):
    """The way in which a statement reads activities.

    ANY: of any kind, off one range. ONE: of one kind, off one range. MERGED: of several kinds,
    merged from a range for each. AMONG: of several kinds, among the next ones of any kind.
    """

    ANY = "ANY"
    ONE = "ONE"
    MERGED = "MERGED"
    AMONG = "AMONG"


def _ways(wanted: ActivityFilter, kinds: frozenset[ActivityKind]) -> list[_Way]:
    """The ways to a page of these kinds, of which the last finds it in any case."""
    if len(kinds) == 1:
        return [_Way.ONE]
    has_both = wanted.actor_id is not None and wanted.subject_id is not None
    if has_both or len(kinds) <= len(_EVERY_KIND) // 2:
        return [_Way.MERGED]
    # A page is among the next activities but where most of them are of the few other kinds.
    return [_Way.AMONG, _Way.MERGED]


def _padded(way: _Way, kinds: Collection[ActivityKind]) -> int:
    """The number of kinds for which SQLite's statement is made, so that few serve all numbers.

    0 where the statement does not depend on it.
    """
    if way is not _Way.MERGED or dialect() == "postgres":
        return 0
    return next(one for one in _NUMBERS if one >= len(kinds))


@lru_cache(256)
def _names(kinds: frozenset[ActivityKind]) -> frozenset[str]:
    return frozenset(kind.value for kind in kinds)


class _Shape(NamedTuple):
    """Everything of a statement but its values, which it has in this order.

    The tenant, the ends of the range of ids, the actor, the subject, and the kind or the kinds.
    """

    dialect: str
    way: _Way
    kinds: int
    has_actor: bool
    has_subject: bool
    has_lower: bool
    has_upper: bool
    descending: bool
    size: int
    beside: tuple[Beside, ...]

    @property
    def direction(self) -> str:
        return "DESC" if self.descending else "ASC"

    @property
    def signs(self) -> tuple[str, str]:
        """The comparisons of an id with the lower and with the upper end."""
        return ">=" if self.has_lower else ">", "<=" if self.has_upper else "<"


class _Marks(NamedTuple):
    """The placeholders of a statement's values, "" for one that it does not have."""

    tenant: str
    lower: str
    upper: str
    actor: str
    subject: str
    kind: str

    def equal(self, *without: str) -> str:
        """The conditions on actor, subject and kind, without those on these columns."""
        values = {"actor_id": self.actor, "subject_id": self.subject, "kind": self.kind}
        return "".join(
            f" AND activity.{column} = {value}"
            for column, value in values.items()
            if value and column not in without
        )


def _marks(shape: _Shape) -> _Marks:
    sign = "$" if shape.dialect == "postgres" else "?"
    has = (shape.has_actor, shape.has_subject, shape.way is not _Way.ANY)
    numbers = count(1)
    return _Marks(*(f"{sign}{next(numbers)}" if one else "" for one in (True, True, True, *has)))


@lru_cache(256)
def _statement(shape: _Shape) -> str:
    marks = _marks(shape)
    shown = columns(models.Activity, "activity", marks.tenant, *shape.beside)
    match shape.way:
        case _Way.MERGED:
            merge = _merged_on_postgres if shape.dialect == "postgres" else _merged_on_sqlite
            return f"SELECT {shown} {merge(shape, marks)}"
        case _Way.AMONG:
            return f"SELECT {shown} {_among(shape, marks)}"
    return f"SELECT {shown} {_range(shape, marks, shape.size)}"


def _range(shape: _Shape, marks: _Marks, limit: int) -> str:
    """The part of the statement that reads one range.

    The kind, or else the actor, and the id are compared together: with the first column by itself,
    PostgreSQL may go through all activities of the tenant in the order of ids instead, until it has
    met enough of a kind, or of an actor, that is rare.
    The range has one lower and one upper end: with two of a kind, an instant and a position, SQLite
    would go through all activities from one to the other.
    """
    (above, below), direction = shape.signs, shape.direction
    lead, value = ("kind", marks.kind) if marks.kind else ("actor_id", marks.actor)
    order = f"activity.id {direction}"
    if value:
        key = f"(activity.{lead}, activity.id)"
        terms = f"{key} {above} ({value}, {marks.lower}) AND {key} {below} ({value}, {marks.upper})"
        order = f"activity.{lead} {direction}, {order}"
    else:
        terms = f"activity.id {above} {marks.lower} AND activity.id {below} {marks.upper}"
    return (
        f"FROM activity WHERE activity.tenant_id = {marks.tenant}{marks.equal(lead)}"
        f" AND {terms} ORDER BY {order} LIMIT {limit}"
    )


def _merged_on_postgres(shape: _Shape, marks: _Marks) -> str:
    """The activities of a page, merged from one range for each kind, by one plan for any number.

    With the rows of each range, and not their ids alone: to join a row of the page by its id takes
    longer than to read some that are not on it.
    """
    (above, below), direction, size = shape.signs, shape.direction, shape.size
    key = "(activity.kind, activity.id)"
    return (
        f"FROM (SELECT e.* FROM unnest({marks.kind}::text[]) AS k(kind) CROSS JOIN LATERAL"
        " (SELECT activity.* FROM activity"
        f" WHERE activity.tenant_id = {marks.tenant}{marks.equal('kind')}"
        f" AND {key} {above} (k.kind, {marks.lower}::uuid)"
        f" AND {key} {below} (k.kind, {marks.upper}::uuid)"
        f" ORDER BY activity.kind {direction}, activity.id {direction} LIMIT {size}) e"
        f" ORDER BY e.id {direction} LIMIT {size}) activity"
    )


def _merged_on_sqlite(shape: _Shape, marks: _Marks) -> str:
    """As `_merged_on_postgres`: SQLite has no lateral joins, and merges the parts of a UNION.

    It goes on in each part as far as the page needs. It would copy each column of a merged row.
    """
    (above, below), first = shape.signs, int(marks.kind[1:])
    parts = " UNION ALL ".join(
        "SELECT activity.id AS id, activity.rowid AS place FROM activity"
        f" WHERE activity.tenant_id = {marks.tenant}{marks.equal('kind')}"
        f" AND activity.kind = ?{number}"
        f" AND activity.id {above} {marks.lower} AND activity.id {below} {marks.upper}"
        for number in range(first, first + shape.kinds)
    )
    merged = f"FROM ({parts} ORDER BY id {shape.direction} LIMIT {shape.size}) x"
    return f"{merged} {joined_by_place('activity', marks.tenant)}"


def _among(shape: _Shape, marks: _Marks) -> str:
    """The activities of a page, as far as they are among the next ones of any kind."""
    own = marks._replace(kind="")
    next_ones = _range(shape, own, _MAX_LOOKED_AT * shape.size)
    if shape.dialect == "postgres":
        return (
            f"FROM (SELECT activity.* {next_ones}) activity"
            f" WHERE activity.kind = ANY({marks.kind}::text[]) LIMIT {shape.size}"
        )
    row = joined_by_place("activity", marks.tenant)
    return (
        f"FROM (SELECT activity.rowid AS place {next_ones}) x {row}"
        f" WHERE activity.kind IN (SELECT value FROM json_each({marks.kind})) LIMIT {shape.size}"
    )
