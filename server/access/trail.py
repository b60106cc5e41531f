"""Pages of a tenant's activity by filter: each is read off ranges of indexes.

The activities of one kind, of one actor and of one subject, or of two or three of these together,
are each a range of an index in the order of ids. A page of several kinds is merged from one range
for each kind. Ids increase with time, so that instants are bounds of these ranges.
"""
# ruff: noqa: S608 - the statements are made of constants

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import lru_cache
from itertools import count
from typing import NamedTuple
from uuid import UUID

import models
from models import ActivityKind
from server.access.reading import Beside, columns, joined_by_id, rows_by
from server.access.tenancy import cut, page_of
from server.access.token_filter import Values
from server.database import dialect
from server.paging import Page, PageRequest

_EVERY_KIND = frozenset(ActivityKind)
_LEAST, _GREATEST = UUID(int=0), UUID(int=(1 << 128) - 1)


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
    rows = await asked.beyond(request, request.size + 1, beside=beside)
    behind = False
    if request.position is not None:
        back = PageRequest(1, request.position, not request.backwards)
        behind = bool(await asked.beyond(back, 1, inclusive=True))
    return cut(rows, request, behind=behind)


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
        kinds, among = wanted.kinds, _Kinds.ANY
        if kinds is not None:
            among = _Kinds.ONE if len(kinds) == 1 else _Kinds.SEVERAL
        elif wanted.actor_id is not None and wanted.subject_id is not None:
            # No index has the activities of an actor and a subject regardless of kinds.
            kinds, among = _EVERY_KIND, _Kinds.SEVERAL
        shape = _Shape(
            dialect(), among, wanted.actor_id is not None, wanted.subject_id is not None,
            bounds.has_lower, bounds.has_upper, descending, size, beside,
        )  # fmt: skip
        values = Values(self.tenant_id)
        for value in (bounds.lower, bounds.upper, wanted.actor_id, wanted.subject_id):
            if value is not None:
                values.put(value)
        if kinds is not None:
            names = frozenset(kind.value for kind in kinds)
            values.put(names if among is _Kinds.SEVERAL else next(iter(names)))
        return await rows_by(models.Activity, _statement(shape), values.given, beside)

    def _bounds(self, position: UUID | None, descending: bool, inclusive: bool) -> _Bounds:
        """The ids beyond the position, or from it on, at the wanted instants."""
        lower = [(_LEAST, True)]
        upper = [(_GREATEST, True)]
        if self.wanted.since is not None:
            lower.append((_first_at(self.wanted.since), True))
        if self.wanted.until is not None:
            upper.append((_first_at(self.wanted.until), False))
        if position is not None:
            (upper if descending else lower).append((position, inclusive))
        least, has_least = max(lower, key=lambda end: (end[0], not end[1]))
        greatest, has_greatest = min(upper)
        return _Bounds(least, greatest, has_least, has_greatest)


class _Kinds(Enum):
    """How many kinds of activities a statement reads."""

    ANY = "ANY"
    ONE = "ONE"
    SEVERAL = "SEVERAL"


class _Shape(NamedTuple):
    """Everything of a statement but its values, which it has in this order.

    The tenant, the ends of the range of ids, the actor, the subject, and the kind or the kinds.
    """

    dialect: str
    kinds: _Kinds
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
    has = (shape.has_actor, shape.has_subject, shape.kinds is not _Kinds.ANY)
    numbers = count(1)
    return _Marks(*(f"{sign}{next(numbers)}" if one else "" for one in (True, True, True, *has)))


@lru_cache(256)
def _statement(shape: _Shape) -> str:
    marks = _marks(shape)
    shown = columns(models.Activity, "activity", marks.tenant, *shape.beside)
    if shape.kinds is not _Kinds.SEVERAL:
        return f"SELECT {shown} {_range(shape, marks)}"
    merge = _merged_on_postgres if shape.dialect == "postgres" else _merged_on_sqlite
    # The ids first: rows, which may be large, are read for the page alone.
    row = joined_by_id(shape.dialect, "activity", "activity", marks.tenant)
    return f"SELECT {shown} FROM ({merge(shape, marks)}) x {row}"


def _range(shape: _Shape, marks: _Marks) -> str:
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
        f" AND {terms} ORDER BY {order} LIMIT {shape.size}"
    )


def _merged_on_postgres(shape: _Shape, marks: _Marks) -> str:
    """The statement that merges one range for each kind, by one plan for any number of kinds."""
    (above, below), direction, size = shape.signs, shape.direction, shape.size
    key = "(activity.kind, activity.id)"
    return (
        f"SELECT e.id FROM unnest({marks.kind}::text[]) AS k(kind) CROSS JOIN LATERAL"
        " (SELECT activity.id FROM activity"
        f" WHERE activity.tenant_id = {marks.tenant}{marks.equal('kind')}"
        f" AND {key} {above} (k.kind, {marks.lower}::uuid)"
        f" AND {key} {below} (k.kind, {marks.upper}::uuid)"
        f" ORDER BY activity.kind {direction}, activity.id {direction} LIMIT {size}) e"
        f" ORDER BY e.id {direction} LIMIT {size}"
    )


def _merged_on_sqlite(shape: _Shape, marks: _Marks) -> str:
    """As `_merged_on_postgres`, by a queue: SQLite has no lateral joins.

    The queue of a recursive query holds the next id of each kind. The first id of the queue is
    replaced by the one after it, of the same kind; `none` comes after all ids. One part for each
    kind, in a UNION, would be parsed and planned for four times as long.
    """
    (above, below), direction = shape.signs, shape.direction
    none = "''" if shape.descending else "'~'"
    from_lower, to_upper = f"{above} {marks.lower}", f"{below} {marks.upper}"

    def first(kind: str, lower: str, upper: str) -> str:
        return (
            "COALESCE((SELECT activity.id FROM activity"
            f" WHERE activity.tenant_id = {marks.tenant}{marks.equal('kind')}"
            f" AND activity.kind = {kind} AND activity.id {lower} AND activity.id {upper}"
            f" ORDER BY activity.id {direction} LIMIT 1), {none})"
        )

    of_each = first("k.value", from_lower, to_upper)
    beyond = (from_lower, "< q.id") if shape.descending else ("> q.id", to_upper)
    return (
        f"WITH RECURSIVE q(kind, id) AS (SELECT k.value, {of_each} FROM json_each({marks.kind}) k"
        f" UNION ALL SELECT q.kind, {first('q.kind', *beyond)} FROM q WHERE q.id <> {none}"
        f" ORDER BY 2 {direction} LIMIT {shape.size}) SELECT q.id FROM q WHERE q.id <> {none}"
    )
