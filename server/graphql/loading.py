"""Fields of the objects that show a row, each declared once with the way to its value.

A value in another table is declared with the function that loads it.

The function takes many rows. For a list, `load_selected` calls it with the rows of all objects
before they are executed: the executor then reads the values as it reads plain attributes, several
times faster than it awaits them. For an object that is reached otherwise, the field's resolver
calls the same function through the request's loader.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import compress, groupby
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

import strawberry
from strawberry.schema.name_converter import NameConverter
from strawberry.types import get_object_definition
from strawberry.types.field import StrawberryField

from server.access.columns_beside import in_brief
from server.graphql.context import Context, Info, Load
from server.graphql.selection import selected_names

_KEY = "loaded"
_WAY = "way"


class HasRow(Protocol):
    """A GraphQL object of one row of a table, with the values of loaded fields by Python name."""

    row: Any
    loaded_values: dict[str, Any]


class Way(NamedTuple):
    """The way to a field's value: a function of the object, and the same in Python.

    text: an expression of `source`, the object, and of `{call}`, for the function `call`.
    """

    get: Callable[[Any], Any]
    text: str
    call: Callable[[Any], Any] | None = None


class _LoadedField(NamedTuple):
    name: str
    python_name: str
    load: Load[Any, Any]
    show: Callable[[Any], Any] | None
    beside: tuple[str, ...]
    brief: frozenset[str]


def loaded(
    load: Load[Any, Any],
    show: Callable[[Any], Any] | None = None,
    *,
    beside: tuple[str, ...] = (),
    brief: tuple[str, ...] = (),
    metadata: Mapping[str, Any] | None = None,
    **options: Any,
) -> Any:
    """Declare a field of a type that has `row` and `loaded_values`.

    load: returns the value of each of many rows, or the exception that it fails with.
    show: maps a value to the field's; None where it is the field's.
    beside: names of columns that the statement of a list can read for `load`, beside its rows.
    brief: names of the value's fields for which it suffices to read that in brief.
    options: those of `strawberry.field`.
    """

    async def resolve(root: Any, info: Info) -> Any:
        value = await info.context.loader(load).load(root.row)
        return value if show is None else show(value)

    declared = (load, show, beside, frozenset((*brief, "__typename")))
    return strawberry.field(
        resolver=resolve, metadata={**(metadata or {}), _KEY: declared}, **options
    )


def of_row(
    read: str | Callable[[Any], Any], *, metadata: Mapping[str, Any] | None = None, **options: Any
) -> Any:
    """Declare a field of a type that has `row`, whose value follows from the row alone.

    read: the name of the column, or the function that takes the row and returns the value. It is
    called where a query selects the field. options: those of `strawberry.field`.
    """
    if isinstance(read, str):
        # exempt names_made_at_run_time: the name is that of a column
        way = Way(attrgetter(f"row.{read}"), f"source.row.{read}")
    else:
        way = Way(partial(_read_row, read), "{call}(source.row)", read)

    return _by(way, metadata, options)


def of_object(
    read: Callable[[Any], Any], *, metadata: Mapping[str, Any] | None = None, **options: Any
) -> Any:
    """As `of_row`, for a value that follows from the object: `read` takes it."""
    return _by(Way(read, "{call}(source)", read), metadata, options)


def of_context(read: Callable[[Context], Any], **options: Any) -> Any:
    """Declare a field of the root whose value follows from the context, which is the root object.

    read: takes the context. options: those of `strawberry.field`.
    """

    def resolve(info: Info) -> Any:
        return read(info.context)

    def get(context: Context) -> Any:
        if context.spans is not None:
            raise LookupError("the span of an operation is made around its resolver")
        return read(context)

    way = Way(get, "{call}(source)", get)
    return strawberry.field(resolver=resolve, metadata={_WAY: way}, **options)


def _by(way: Way, metadata: Mapping[str, Any] | None, options: Mapping[str, Any]) -> Any:
    def resolve(root: Any) -> Any:
        return way.get(root)

    return strawberry.field(resolver=resolve, metadata={**(metadata or {}), _WAY: way}, **options)


def _read_row(read: Callable[[Any], Any], source: HasRow) -> Any:
    return read(source.row)


def way_to(field: StrawberryField) -> Way | None:
    """Return the way to the value of a plain attribute, of a loaded field, or of one that follows
    from the row; None for other fields.

    It raises `LookupError` for an object whose value is not loaded, or needs its resolver.
    """
    name = field.python_name
    if field.is_basic_field:
        # exempt names_made_at_run_time: the name is that of a field of the schema
        return Way(attrgetter(name), f"source.{name}")
    if is_loaded(field):
        return Way(lambda source: source.loaded_values[name], f"source.loaded_values[{name!r}]")
    way: Way | None = field.metadata.get(_WAY)
    return way


def is_loaded(field: StrawberryField) -> bool:
    """Whether the values of the field are loaded: many rows may have the same one."""
    return _KEY in field.metadata


async def load_selected(info: Info, objects: Sequence[HasRow], *path: str) -> None:
    """Load the fields that the query selects at `path`, for all `objects` at once.

    The objects are of one type, or of types with the same loaded fields. Goes on with the objects
    that it loads, as far as the query does.
    """
    if not objects:
        return
    names = selected_names(info, *path)
    fields = _loaded_fields(info.schema.config.name_converter, type(objects[0]))
    chosen = [one for one in fields if one.name in names]
    if not chosen:
        return
    rows = [one.row for one in objects]
    places = [one.loaded_values for one in objects]
    for load, together in groupby(chosen, lambda field: field.load):
        values = await load(info.context, rows)
        into = places
        if any(issubclass(of_class, Exception) for of_class in set(map(type, values))):
            # Leave a failure to the resolver, which reports it at its place in the answer.
            is_value = [not isinstance(one, Exception) for one in values]
            into, values = list(compress(places, is_value)), list(compress(values, is_value))
        for name, python_name, _, show, *_ in together:
            shown = values if show is None else list(map(show, values))
            for place, value in zip(into, shown, strict=True):
                place[python_name] = value
            await _load_below(info, shown, *path, name)


async def _load_below(info: Info, values: Sequence[Any], *path: str) -> None:
    """As `load_selected`, of the values of a field at `path` that have rows."""
    if selected_names(info, *path):
        # An object may be the value of many.
        distinct = {id(one): one for one in values if hasattr(one, "row")}
        await load_selected(info, list(distinct.values()), *path)


def selected_beside(info: Info, of_type: type, *path: str) -> list[str]:
    """Return the names of the columns that a list of objects at `path` can read beside their rows.

    A row that one field needs as a whole is not read in brief for another.
    """
    names = selected_names(info, *path)
    fields = _loaded_fields(info.schema.config.name_converter, of_type)
    found: set[str] = set()
    for one in fields:
        if one.beside and one.name in names:
            below = selected_names(info, *path, one.name)
            found |= in_brief(one.beside) if below and below <= one.brief else set(one.beside)
    return sorted(found - in_brief(found))


@cache
def _loaded_fields(names: NameConverter, of_type: type) -> list[_LoadedField]:
    return [
        _LoadedField(names.from_field(field), field.python_name, *field.metadata[_KEY])
        for field in get_object_definition(of_type, strict=True).fields
        if is_loaded(field)
    ]
