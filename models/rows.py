"""The base classes of the rows: a time-ordered id and, except for the tenant itself, its tenant.

Here too: helpers for indexes. Not here: any table.
"""

import time
from datetime import UTC, datetime, timedelta
from secrets import randbits
from threading import Lock
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_lock = Lock()
_last_tick = 0


def table_of(row_class: type[Model]) -> str:
    """The name of the table, without the columns that Tortoise's `describe` derives with it."""
    meta: Any = row_class.Meta
    return str(meta.table)


def new_id() -> UUID:
    """A version 7 UUID (RFC 9562, section 5.7), increasing within this process.

    Milliseconds, then 12 bits of their fraction (method 3 of section 6.2), then 62 random bits.
    Rows sort by creation, so that a page is a range of one index and its cursor is an id.
    """
    global _last_tick
    with _lock:
        _last_tick = tick = max(present_tick(), _last_tick + 1)
    return id_of_tick(tick, randbits(62))


def present_tick() -> int:
    """The present instant in ticks: 4,096ths of a millisecond since 1970."""
    now_ms, rest_ns = divmod(time.time_ns(), 1_000_000)
    return (now_ms << 12) | (rest_ns << 12) // 1_000_000


def id_of_tick(tick: int, rest: int = 0) -> UUID:
    """The version 7 UUID of a tick and 62 further bits. The ids of later ticks are greater."""
    high = (tick >> 12 << 16) | 0x7000 | (tick & 0xFFF)
    return UUID(int=(high << 64) | (0b10 << 62) | rest)


def instant_of_tick(tick: int) -> datetime:
    """The instant of a tick, in UTC, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=tick * 125 // 512)


def tick_from(instant: datetime) -> int:
    """The first tick whose instant is `instant` or later."""
    microseconds = (instant - _EPOCH) // timedelta(microseconds=1)
    return -(-microseconds * 512 // 125)


def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


class Row(Model):
    """A row with a time-ordered id."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    created_at = fields.DatetimeField(default=now)

    class Meta:
        abstract = True


class TenantRow(Row):
    """A row of one tenant. Every index that a query uses starts with `tenant_id`.

    References to other rows are plain id columns without a foreign key: an activity outlives its
    admin, and a database distributed by tenant cannot enforce a key without the tenant.
    """

    tenant_id = fields.UUIDField()

    class Meta:
        abstract = True

    async def write(self, *columns: str) -> None:
        """Write only these columns.

        Tortoise's `save` filters by id alone, and no index of a distributed table starts with it.
        """
        own = type(self).filter(tenant_id=self.tenant_id, id=self.id)
        # exempt names_made_at_run_time: the names are the row's columns
        await own.update(**{column: getattr(self, column) for column in columns})


class LiveIndex(Index):
    """An index of live tokens alone: a page of them never reads revoked ones."""

    def __init__(
        self,
        *,
        fields: tuple[str, ...] | list[str],
        name: str | None = None,
    ) -> None:
        super().__init__(fields=fields, name=name)
        self.extra = " WHERE revoked_at IS NULL"


class LiveNameIndex(LiveIndex):
    """A `LiveIndex` of names in which upper and lower case are the same."""

    @property
    def field_names(self) -> list[str]:
        return ["(lower(name))" if field == "name" else field for field in self.fields]


class ConditionalIndex(Index):
    """An index of the rows that meet a condition, given in SQL."""

    def __init__(
        self,
        *,
        fields: tuple[str, ...] | list[str],
        name: str | None = None,
        condition: str,
    ) -> None:
        super().__init__(fields=fields, name=name)
        self.condition = condition
        self.extra = f" WHERE {condition}"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, kwargs | {"condition": self.condition}
