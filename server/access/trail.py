"""Pages of a tenant's activity by filter: each is read off ranges of indexes.

The activities of one kind, of one actor and of one subject, or of two or three of these together,
are each a range of an index in the order of ids. A page of several kinds is merged from one range
for each kind. Ids increase with time, so that instants are bounds of these ranges.
"""
# ruff: noqa: S608 - the statements are made of constants

from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import models
from models import ActivityKind
from server.access.reading import Beside, columns, rows_by
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

    @property
    def signs(self) -> tuple[str, str]:
        """The comparisons of an id with the lower and with the upper end."""
        return ">=" if self.has_lower else ">", "<=" if self.has_upper else "<"


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
        if self.wanted.kinds == frozenset():
            return []
        descending = self.newest_first is not request.backwards
        values = Values(self.tenant_id)
        bounds = self._bounds(request.position, descending, inclusive)
        end = f"{'DESC' if descending else 'ASC'} LIMIT {size}"
        # The ids first: rows, which may be large, are read for the page alone. SQLite keeps the
        # order of a CROSS JOIN; in that of ids it would go through all activities of the tenant.
        sql = (
            f"SELECT {columns(models.Activity, 'activity', values.tenant, *beside)}"
            f" FROM ({self._statement(bounds, end, values)}) m CROSS JOIN activity"
            f" WHERE activity.tenant_id = {values.tenant} AND activity.id = m.id"
            f" ORDER BY activity.id {end}"
        )
        return await rows_by(models.Activity, sql, values.given, beside)

    def _statement(self, bounds: _Bounds, end: str, values: Values) -> str:
        kinds, actor_id, subject_id = (
            self.wanted.kinds,
            self.wanted.actor_id,
            self.wanted.subject_id,
        )
        if kinds is None and subject_id is None and actor_id is not None:
            return _of_actor(values.put(actor_id), bounds, end, values)
        more = "" if subject_id is None else f" AND a.subject_id = {values.put(subject_id)}"
        if kinds is None and actor_id is None:
            return _of_instants(more, bounds, end, values)
        more += "" if actor_id is None else f" AND a.actor_id = {values.put(actor_id)}"
        # No index has the activities of an actor and a subject regardless of kinds.
        names = frozenset(kind.value for kind in kinds or _EVERY_KIND)
        make = _merged_on_postgres if dialect() == "postgres" else _merged_on_sqlite
        return make(names, more, bounds, end, values)

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


def _of_instants(more: str, bounds: _Bounds, end: str, values: Values) -> str:
    """The statement that reads a range of ids.

    It has one lower and one upper bound: with two of a kind, an instant and a position, SQLite
    would go through all activities from one to the other.
    """
    above, below = bounds.signs
    lower, upper = values.put(bounds.lower), values.put(bounds.upper)
    return (
        f"SELECT a.id FROM activity a WHERE a.tenant_id = {values.tenant}{more}"
        f" AND a.id {above} {lower} AND a.id {below} {upper} ORDER BY a.id {end}"
    )


def _of_actor(actor: str, bounds: _Bounds, end: str, values: Values) -> str:
    """The statement that reads the range of an actor. Compares as `_merged_on_postgres` does."""
    above, below = bounds.signs
    lower, upper = values.put(bounds.lower), values.put(bounds.upper)
    return (
        f"SELECT a.id FROM activity a WHERE a.tenant_id = {values.tenant}"
        f" AND (a.actor_id, a.id) {above} ({actor}, {lower})"
        f" AND (a.actor_id, a.id) {below} ({actor}, {upper})"
        f" ORDER BY a.actor_id {end.partition(' ')[0]}, a.id {end}"
    )


def _merged_on_postgres(
    kinds: frozenset[str], more: str, bounds: _Bounds, end: str, values: Values
) -> str:
    """The statement that merges one range for each kind, by one plan for any number of kinds.

    more: further conditions. end: direction and limit. Kind and id are compared together: with the
    kind by itself, PostgreSQL may go through all activities of the tenant in the order of ids
    instead, until it has met enough of a kind that is rare.
    """
    above, below = bounds.signs
    lower, upper = values.put(bounds.lower), values.put(bounds.upper)
    direction = end.partition(" ")[0]
    return (
        f"SELECT e.id FROM unnest({values.put(kinds)}::text[]) AS k(kind) CROSS JOIN LATERAL"
        f" (SELECT a.id FROM activity a WHERE a.tenant_id = {values.tenant}{more}"
        f" AND (a.kind, a.id) {above} (k.kind, {lower}::uuid)"
        f" AND (a.kind, a.id) {below} (k.kind, {upper}::uuid)"
        f" ORDER BY a.kind {direction}, a.id {end}) e ORDER BY e.id {end}"
    )


def _merged_on_sqlite(
    kinds: frozenset[str], more: str, bounds: _Bounds, end: str, values: Values
) -> str:
    """As `_merged_on_postgres`: SQLite's lateral joins are table-valued functions such as this.

    One part for each kind, in a UNION, would be parsed and planned for four times as long.
    """
    above, below = bounds.signs
    lower, upper = values.put(bounds.lower), values.put(bounds.upper)
    return (
        f"SELECT e.value AS id FROM json_each({values.put(kinds)}) AS k CROSS JOIN json_each(("
        f"SELECT json_group_array(x.id) FROM (SELECT a.id FROM activity a"
        f" WHERE a.tenant_id = {values.tenant}{more} AND a.kind = k.value"
        f" AND a.id {above} {lower} AND a.id {below} {upper} ORDER BY a.id {end}) x"
        f")) AS e ORDER BY e.value {end}"
    )
