"""Reads: rows for answers, by statements that are built once and kept.

Tortoise builds the statement of each shape of a read once, from the models. Later reads send the
same text with other values, and the driver keeps it prepared. The rows are named tuples with the
columns and the own methods of a model. They are not hydrated, and have no methods that write.
"""
# ruff: noqa: S608 - the statements are made of constants

import re
from bisect import bisect_left
from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import cache, lru_cache, partial
from types import FunctionType
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.expressions import RawSQL
from tortoise.queryset import ValuesListQuery

import models
from server.access.principal import Principal
from server.database import dialect, fetch
from server.internals.asyncpg import QuickUUID

_Row = TypeVar("_Row", bound=models.Row)
_TenantRow = TypeVar("_TenantRow", bound=models.TenantRow)
_Decoder = Callable[[Any], Any]
# Shapes depend on the code, and on the lengths of lists. None depends on a client's input.
_MAX_SHAPES = 1_000
# Lists are filled up to one of these lengths, so that few statements serve all of them.
_LENGTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768)
_TENANT = re.compile(r'"tenant_id"=(\$\d+)')
# Fields whose values a driver gives as they are. Enums are another class of fields.
_FROM_SQLITE = (
    *(fields.CharField, fields.TextField, fields.BinaryField),
    *(fields.IntField, fields.BigIntField, fields.SmallIntField),
)
_FROM_POSTGRES = (*_FROM_SQLITE, fields.UUIDField, fields.DatetimeField, fields.BooleanField)


class Beside(NamedTuple):
    """A column of this name that a statement reads from another table beside each row.

    sql: the expression for a dialect, over the row's table. It compares the tenant with that of the
    row, and is sent to PostgreSQL with the tenant's id instead. read: its value, unless that is
    null; None for the driver's own value.
    """

    name: str
    sql: Callable[[str], str]
    read: _Decoder | None = None


class _Shape(NamedTuple):
    """Everything of a read but its values.

    conditions: each name with the length of its list, -1 for one value, or the value of an enum or
    boolean, which is part of the statement.
    """

    dialect: str
    row_class: type[models.Row]
    conditions: tuple[tuple[str, Any], ...]
    order_by: tuple[str, ...]
    has_limit: bool
    beside: tuple[Beside, ...]
    only: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are read."""
        return self.only or _names(self.row_class)


class _Statement(NamedTuple):
    """A statement, and where each of its values comes from.

    values: places in the values that are given, followed by `constants`.
    """

    sql: str
    values: list[int]
    constants: list[Any]


async def owned_rows(
    row_class: type[_TenantRow],
    principal: Principal,
    *,
    order_by: tuple[str, ...] = (),
    limit: int | None = None,
    beside: tuple[Beside, ...] = (),
    **conditions: Any,
) -> list[_TenantRow]:
    """The rows of the principal's tenant that meet Tortoise's `conditions`, to be shown.

    They cannot be written: read them by `owned` for that.
    """
    return await rows(
        row_class,
        order_by=order_by,
        limit=limit,
        beside=beside,
        tenant_id=principal.tenant_id,
        **conditions,
    )


async def rows(
    row_class: type[_Row],
    *,
    order_by: tuple[str, ...] = (),
    limit: int | None = None,
    beside: tuple[Beside, ...] = (),
    only: tuple[str, ...] = (),
    **conditions: Any,
) -> list[_Row]:
    """As `owned_rows`, of rows that are not a tenant's, or whose tenant is a condition.

    only: the columns that are read; all without. A row has no others.
    """
    shaped: list[tuple[str, Any]] = []
    given: list[Any] = []
    for name, value in conditions.items():
        if name.endswith("__in"):
            value = list(value)
            if not value:
                return []
            length = _LENGTHS[bisect_left(_LENGTHS, len(value))]
            shaped.append((name, length))
            given += value
            given += [value[-1]] * (length - len(value))
        elif value is None or isinstance(value, Enum | bool):
            shaped.append((name, value))
        else:
            shaped.append((name, -1))
            given.append(value)
    if limit is not None:
        given.append(limit)
    has_limit = limit is not None
    shape = _Shape(dialect(), row_class, tuple(shaped), order_by, has_limit, beside, only)
    return cast("list[_Row]", await _run(shape, given))


async def rows_by(
    row_class: type[_Row], sql: str, values: Sequence[Any], beside: tuple[Beside, ...] = ()
) -> list[_Row]:
    """The rows that a statement in SQL gives: it selects the columns that `columns` names."""
    return read_rows(row_class, await fetch(sql, values), beside)


def read_rows(
    row_class: type[_Row], found: Sequence[Sequence[Any]], beside: tuple[Beside, ...] = ()
) -> list[_Row]:
    """The rows of values that a driver gave for the columns that `columns` names."""
    return cast("list[_Row]", _read(row_class, _names(row_class), found, beside))


def columns(row_class: type[models.Row], alias: str, tenant: str, *further: Beside) -> str:
    """The columns of a model in SQL, of the table that a statement calls `alias`, and others.

    tenant: the placeholder of the tenant's id.
    """
    return _columns(dialect(), row_class, alias, tenant, further)


@lru_cache(_MAX_SHAPES)
def _columns(
    of_dialect: str,
    row_class: type[models.Row],
    alias: str,
    tenant: str,
    further: tuple[Beside, ...],
) -> str:
    own = (f"{alias}.{one['db_column']}" for one in _described(row_class).values())
    beside = (_of_tenant(of_dialect, one.sql(of_dialect), alias, tenant) for one in further)
    return ", ".join([*own, *beside])


def joined_by_id(of_dialect: str, table: str, alias: str, tenant: str) -> str:
    """The join with the rows of a table whose ids `x` has, one by one and in the order of `x`.

    Neither database may join otherwise: it would lose the order, or read all rows of the tenant.
    alias: the name of the table in the statement. tenant: the placeholder of the tenant's id.
    """
    if of_dialect == "sqlite":
        return f"CROSS JOIN {table} {alias} ON {alias}.tenant_id = {tenant} AND {alias}.id = x.id"
    return (
        f"CROSS JOIN LATERAL (SELECT k.* FROM {table} k"
        f" WHERE k.tenant_id = {tenant} AND k.id = x.id LIMIT 1) {alias}"
    )


def joined_by_place(table: str, tenant: str) -> str:
    """As `joined_by_id`, by SQLite's own number of a row, which `x` has as `place`."""
    return f"CROSS JOIN {table} ON {table}.tenant_id = {tenant} AND {table}.rowid = x.place"


def _of_tenant(of_dialect: str, sql: str, table: str, tenant: str) -> str:
    """The expression with the tenant's placeholder in place of the column of the row's table.

    Of a distributed database, one node is asked where each table is compared with a value.
    """
    if of_dialect != "postgres":
        return sql
    return re.sub(rf'(?<!\w)"?{table}"?\."?tenant_id"?', lambda _: tenant, sql)


async def _run(shape: _Shape, given: list[Any]) -> list[Any]:
    statement = _statement(shape)
    given += statement.constants
    values = [given[place] for place in statement.values]
    if shape.dialect == "sqlite":
        values = list(map(_for_sqlite, values))
    may_sort = bool(shape.order_by) and not shape.has_limit
    found = await fetch(statement.sql, values, may_sort=may_sort)
    return _read(shape.row_class, shape.names, found, shape.beside)


def _read(
    row_class: type[models.Row],
    names: tuple[str, ...],
    found: Sequence[Sequence[Any]],
    beside: tuple[Beside, ...],
) -> list[Any]:
    make = _maker(dialect(), row_class, names, tuple(one.name for one in beside))
    first = len(names)
    # Many rows of a page have the same beside them, such as their creator.
    readers = [(place, _Once(one.read)) for place, one in enumerate(beside, first) if one.read]
    if not readers:
        return list(map(make, found))
    made = []
    for row in found:
        values = list(row)
        for place, once in readers:
            value = values[place]
            if value is not None:
                values[place] = once[value]
        made.append(make(values))
    return made


def _for_sqlite(value: Any) -> Any:
    """The value as Tortoise writes it into the embedded database."""
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat(" ") if isinstance(value, datetime) else value


@lru_cache(_MAX_SHAPES)
def _statement(shape: _Shape) -> _Statement:
    query, marks = tortoise_query(shape, None)
    sql, given = query.sql(), query.query.get_parameterized_sql()[1]
    places = {str(mark): place for place, mark in enumerate(marks)}
    values: list[int] = []
    constants: list[Any] = []
    for value in given:
        place = places.pop(str(value), None)
        if place is None:
            place = len(marks) + len(constants)
            constants.append(value)
        values.append(place)
    if places:
        raise TypeError(f"a value is not in the statement: {sql}")
    table = models.table_of(shape.row_class)
    tenant = _TENANT.search(sql)
    if tenant:
        for one in shape.beside:
            written = one.sql(shape.dialect)
            sql = sql.replace(written, _of_tenant(shape.dialect, written, table, tenant[1]))
    return _Statement(sql, values, constants)


def tortoise_query(
    shape: _Shape, given: Sequence[Any] | None
) -> tuple[ValuesListQuery[Any], list[Any]]:
    """The query that Tortoise builds, and its values; marks that it tells apart for None."""
    used: list[Any] = []
    left = iter(given or ())
    types = {name: column["python_type"] for name, column in _described(shape.row_class).items()}

    def value_of(name: str) -> Any:
        value = _mark(types[name.partition("__")[0]], len(used)) if given is None else next(left)
        used.append(value)
        return value

    conditions = {}
    for name, kind in shape.conditions:
        if name.endswith("__in"):
            conditions[name] = [value_of(name) for _ in range(kind)]
        else:
            conditions[name] = value_of(name) if kind == -1 and type(kind) is int else kind
    query = shape.row_class.filter(**conditions).order_by(*shape.order_by)
    if shape.has_limit:
        used.append(_mark(int, len(used)) if given is None else next(left))
        query = query.limit(used[-1])
    # `values_list` selects a column by its place, and an annotation also by its name: under any
    # other name than its place, the database would work it out twice.
    further = {
        str(place): RawSQL(one.sql(shape.dialect))
        for place, one in enumerate(shape.beside, len(shape.names))
    }
    return query.annotate(**further).values_list(*shape.names, *further), used


def _mark(of_type: type, number: int) -> Any:
    """A value that occurs nowhere else in a statement."""
    if of_type is UUID:
        return UUID(int=(0xFEED << 64) + number)
    if of_type is datetime:
        return datetime(1971, 1, 1, microsecond=number, tzinfo=UTC)
    if of_type is bytes:
        return b"mark %d" % number
    return 1_900_000_000 + number if of_type is int else f"mark {number}"


@cache
def _names(row_class: type[models.Row]) -> tuple[str, ...]:
    return tuple(_described(row_class))


@cache
def _described(row_class: type[models.Row]) -> dict[str, dict[str, Any]]:
    """Tortoise's description of the columns of a model, by their names."""
    described = row_class.describe(serializable=False)
    return {one["name"]: one for one in (described["pk_field"], *described["data_fields"])}


class _Once(dict[Any, Any]):
    """Reads each value once."""

    def __init__(self, read: _Decoder) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, value: Any) -> Any:
        self[value] = found = self._read(value)
        return found


def row_beside(
    name: str, row_class: type[models.Row], id_column: str, *only: str, when: str = ""
) -> Beside:
    """The row of another table of the tenant whose id is in a column; None if there is none.

    The row of the tenant itself too.

    id_column: in SQL, with its table. only: the names of the columns that are read; all without.
    when: a condition in SQL, for a column that has ids of several tables.
    """
    described = _described(row_class)
    names = only or tuple(described)
    selected = ", ".join(f"o.{described[one]['db_column']}" for one in names)
    table, own = models.table_of(row_class), id_column.partition(".")[0]
    where = f"o.id = {id_column}"
    if issubclass(row_class, models.TenantRow):
        where = f"o.tenant_id = {own}.tenant_id AND {where}"

    def sql(of_dialect: str) -> str:
        make = "json_build_array" if of_dialect == "postgres" else "json_array"
        # exempt statements_without_a_tenant: `where` names it
        found = f"(SELECT {make}({selected}) FROM {table} o WHERE {where})"
        return f"CASE WHEN {when} THEN {found} END" if when else found

    def read(text: str) -> Any:
        # JSON has instants and ids as texts, on either database.
        return _maker("json", row_class, names, ())(orjson.loads(text))

    return Beside(name, sql, read)


def beside(row: models.Row, name: str) -> Any:
    """The value that was read beside a row under that name; `is_beside` says whether it was."""
    # exempt names_made_at_run_time: the name is that of a `Beside`
    return getattr(row, name)


def is_beside(rows_read: Sequence[models.Row], name: str) -> bool:
    """Whether the statement of these rows has read something of that name beside them."""
    return bool(rows_read) and hasattr(rows_read[0], name)


@cache
def _decoders(
    of_dialect: str, row_class: type[models.Row], names: tuple[str, ...]
) -> list[tuple[int, _Decoder]]:
    """The columns whose values the driver does not give, by their places, and their decoders."""
    as_it_is = _FROM_POSTGRES if of_dialect == "postgres" else _FROM_SQLITE
    types = {name: _described(row_class)[name]["field_type"] for name in names}
    return [
        (place, _decoder(row_class, name, of_class))
        for place, (name, of_class) in enumerate(types.items())
        if of_class not in as_it_is
    ]


def _decoder(row_class: type[models.Row], name: str, of_class: type) -> _Decoder:
    if of_class is fields.JSONField:
        return orjson.loads
    if of_class is fields.UUIDField:
        return QuickUUID
    if of_class is fields.DatetimeField:
        return _instant
    if of_class is fields.BooleanField:
        return bool
    # Of an enum or a date: few values.
    return lru_cache(256)(
        row_class.all().values_list(name).resolve_to_python_value(row_class, name)
    )


def uuid_of(value: Any) -> UUID:
    """An id that a statement in SQL gives: the embedded database has them as texts."""
    return value if isinstance(value, UUID) else QuickUUID(value)


def instant_of(value: Any) -> datetime:
    """An instant that a statement in SQL gives: the embedded database has them as texts."""
    return value if isinstance(value, datetime) else _instant(value)


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo is UTC else _in_utc(instant)


def _in_utc(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


@cache
def _maker(
    of_dialect: str,
    row_class: type[models.Row],
    names: tuple[str, ...],
    beside: tuple[str, ...],
) -> Callable[[Iterable[Any]], Any]:
    """The function that makes a row of its columns: a named tuple with the model's own methods.

    It holds the driver's values. A value is decoded where it is read: most are not.
    """
    # These are the columns that a query selects.
    tuples: Any = namedtuple(row_class.__name__, (*names, *beside))  # type: ignore[misc]  # mypy wants literals
    own: dict[str, Any] = {
        name: one
        # exempt names_made_at_run_time: a model's own attributes are copied, and nothing looked up
        for name, one in vars(row_class).items()
        if isinstance(one, property | FunctionType) and not name.startswith("_")
    }
    for place, decode in _decoders(of_dialect, row_class, names):
        own[names[place]] = _decoded(place, decode)
    # Rows are told apart by their ids, as those of Tortoise are: some columns have no hash. Their
    # representation shows no column: one is the hash of a password.
    own |= {"__slots__": (), "__eq__": _is_same, "__hash__": _hash, "__repr__": _shown}
    return partial(tuple.__new__, type(row_class.__name__, (tuples,), own))


def _decoded(place: int, decode: _Decoder) -> property:
    def read(row: Any) -> Any:
        value = row[place]
        return None if value is None else decode(value)

    return property(read)


def _is_same(row: Any, other: Any) -> bool:
    return type(row) is type(other) and bool(row.id == other.id)


def _hash(row: Any) -> int:
    return hash(row.id)


def _shown(row: Any) -> str:
    return f"<{type(row).__name__}: {row.id}>"
