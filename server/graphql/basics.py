"""Shared by all types: times, described enums, optional arguments."""

import re
from datetime import UTC, datetime
from enum import Enum
from typing import Any, NewType, TypeVar, cast

import strawberry
from graphql import GraphQLError

_T = TypeVar("_T")
_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def _serialize(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _parse(text: object) -> datetime:
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        raise GraphQLError("DateTime must be an RFC 3339 instant with an offset.")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise GraphQLError("DateTime must be an instant of the calendar.") from None


DateTime = NewType("DateTime", datetime)
DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="An instant in UTC, in the format of RFC 3339.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
    serialize=_serialize,
    parse_value=_parse,
)


def described(enum: type[Enum], description: str, **values: str) -> None:
    """Make `enum` a GraphQL enum; `values` describes each of its values."""
    # The enums belong to `models`, which knows no strawberry: describe the values afterwards, by
    # the one private attribute that holds them.
    defined = cast("Any", strawberry.enum(enum, description=description))
    for value in defined.__strawberry_definition__.values:
        value.description = values[value.name]


def given(value: _T | None) -> _T | None:
    """Return an argument's value, or None if it is null or omitted."""
    return None if value is strawberry.UNSET else value
