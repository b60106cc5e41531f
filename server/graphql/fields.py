"""Plain fields: how the values of a selection are read off an object.

A selection is read field by field at first. After many objects, a function is written for it and
compiled, as `dataclasses` writes `__init__`. It spares the loop over the fields, a call for each
of them, and the checks that a field's type makes superfluous: half of the time or more.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from strawberry import UNSET

from server.graphql.loading import Way
from server.graphql.metering import Meter

# So many reads save the time of compiling: about 25 microseconds for each field.
MANY = 300
Step = Callable[[Any, Any], Any]
_Read = Callable[[Any, Meter], dict[str, Any]]


class NotPlainError(Exception):
    """A field, or one value of a plain field, has to go through graphql-core."""


class Field(NamedTuple):
    """Reads a plain field off an object, then completes the value if there is a `complete` step."""

    response_name: str
    way: Way
    nullable: bool
    complete: Step | None


class Fields:
    """The plain fields of a selection."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = fields
        self._left = MANY
        self._compiled: _Read | None = None

    def read(self, source: Any, run: Meter) -> dict[str, Any]:
        """The values of the fields of an object, in their order.

        Raises `NotPlainError` for a value that is unset, or null in a non-null field.
        """
        # Two event loops may be here at once: both would compile the same.
        if self._compiled is not None:
            return self._compiled(source, run)
        self._left -= 1
        if self._left <= 0:
            self._compiled = _compiled(self._fields)
        return _read(source, self._fields, run)


def _read(source: Any, fields: Sequence[Field], run: Meter) -> dict[str, Any]:
    values, size = {}, 0
    for response_name, way, nullable, complete in fields:
        value = way.get(source)
        if value is UNSET or (value is None and not nullable):
            raise NotPlainError
        if complete is not None and value is not None:
            value = complete(value, run)
        values[response_name] = value
        if type(value) is str:
            size += len(value)
    run.size += size
    return values


def _compiled(fields: Sequence[Field]) -> _Read:
    """A function with the result of `_read`.

    Its text is made of the schema's names and of numbers. A client's names are passed beside it.
    """
    scope: dict[str, Any] = {
        "UNSET": UNSET,
        "NotPlainError": NotPlainError,
        "datetime": datetime,
        "UTC": UTC,
    }
    for number, one in enumerate(fields):
        scope[f"name{number}"] = one.response_name
        scope[f"call{number}"] = one.way.call
        scope[f"complete{number}"] = one.complete
    lines = [line for number, one in enumerate(fields) for line in _lines(number, one)]
    values = ", ".join(f"name{number}: value{number}" for number in range(len(fields)))
    body = ["size = 0", *lines, "run.size += size", f"return {{{values}}}"]
    text = "\n    ".join(["def read(source, run):", *body])
    # exempt names_made_at_run_time: the names are those of the schema's fields
    exec(text, scope)  # noqa: S102 - the text has names of the schema and numbers alone
    read: _Read = scope["read"]
    return read


def _lines(number: int, field: Field) -> Iterator[str]:
    value = f"value{number}"
    yield f"{value} = {field.way.text.format(call=f'call{number}')}"
    refused = f"{value} is UNSET" if field.nullable else f"{value} is UNSET or {value} is None"
    yield f"if {refused}: raise NotPlainError"
    conditions = [f"{value} is not None"] if field.nullable else []
    if field.complete is instant:
        # Saves a call for each instant of a row: they are in UTC.
        conditions.append(f"(type({value}) is not datetime or {value}.tzinfo is not UTC)")
    if field.complete is not None:
        condition = f"if {' and '.join(conditions)}: " if conditions else ""
        yield f"{condition}{value} = complete{number}({value}, run)"
    if field.complete is not instant:
        yield f"if type({value}) is str: size += len({value})"


def instant(value: Any, _: Meter) -> Any:
    """An instant in UTC, which orjson writes as the scalar does."""
    if type(value) is not datetime:
        raise NotPlainError
    return value if value.tzinfo is UTC else value.astimezone(UTC)
