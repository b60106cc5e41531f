"""Shared by all types: nodes, pages and their arguments, times, described enums."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, NewType, TypeVar, cast
from uuid import UUID

import strawberry
from graphql import GraphQLError

from server.paging import Page, encode_cursor

_T = TypeVar("_T")
First = Annotated[
    int | None, strawberry.argument(description="How many to return: 1 to 100, 50 by default.")
]
After = Annotated[str | None, strawberry.argument(description="Return those after this cursor.")]
Last = Annotated[
    int | None, strawberry.argument(description="How many to return from the end: 1 to 100.")
]
Before = Annotated[str | None, strawberry.argument(description="Return those before this cursor.")]
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
    defined = cast("Any", strawberry.enum(enum, description=description))
    for value in defined.__strawberry_definition__.values:
        value.description = values[value.name]


@strawberry.interface(description="An object with a global id.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="A global id. It is opaque and grants no access."
    )


@strawberry.type(description="A page's position in its connection (Relay Cursor Connections).")
class PageInfo:
    has_previous_page: bool = strawberry.field(description="Whether an earlier page exists.")
    has_next_page: bool = strawberry.field(description="Whether a later page exists.")
    start_cursor: str | None = strawberry.field(
        description="The first edge's cursor; null on an empty page."
    )
    end_cursor: str | None = strawberry.field(
        description="The last edge's cursor; null on an empty page."
    )


def page_info(connection: str, page: Page[_T], position: Callable[[_T], UUID]) -> PageInfo:
    """Make the `PageInfo` of a page; `position` returns the id that a row's cursor encodes."""
    rows = page.rows
    return PageInfo(
        has_previous_page=page.has_previous,
        has_next_page=page.has_next,
        start_cursor=encode_cursor(connection, position(rows[0])) if rows else None,
        end_cursor=encode_cursor(connection, position(rows[-1])) if rows else None,
    )


def given(value: _T | None) -> _T | None:
    """Return an argument's value, or None if it is null or omitted."""
    return None if value is strawberry.UNSET else value
