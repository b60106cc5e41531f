"""Pages and cursors (Relay Cursor Connections). How a page is queried lives in `access.tenancy`.

A cursor is the id of a row and the name of the connection that gave it, in base64: opaque to
clients, without authority, and refused by every other connection.
"""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from server.errors import BadCursor, BadPage

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 50
MAX_CURSOR_LENGTH = 128
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which rows to read: `size` of them beyond `position`, in a connection's order or against it.

    backwards: towards the connection's beginning, as `last` and `before` ask for.
    """

    size: int = DEFAULT_PAGE_SIZE
    position: UUID | None = None
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[_T]):
    """Rows in the connection's order, and whether there are more on either side."""

    rows: Sequence[_T]
    has_previous: bool
    has_next: bool


def page_request(
    connection: str,
    first: int | None,
    after: str | None,
    last: int | None = None,
    before: str | None = None,
) -> PageRequest:
    """The request that Relay's four arguments make.

    Raises `BadPage` for sizes outside 1 to 100 and for both directions at once, `BadCursor` for
    a text that is not a cursor of `connection`.
    """
    if (last is not None or before is not None) and (first is not None or after is not None):
        raise BadPage("Ask for `first` and `after`, or for `last` and `before`.")
    backwards = last is not None or before is not None
    if backwards:
        return PageRequest(_size("last", last), _position(connection, "before", before), True)
    return PageRequest(_size("first", first), _position(connection, "after", after))


def encode_cursor(connection: str, position: UUID) -> str:
    """The cursor of the row `position` in `connection`."""
    return urlsafe_b64encode(f"{connection}:{position.hex}".encode()).decode().rstrip("=")


def _size(argument: str, value: int | None) -> int:
    if value is None:
        return DEFAULT_PAGE_SIZE
    if not 1 <= value <= MAX_PAGE_SIZE:
        raise BadPage(f"`{argument}` must be from 1 to {MAX_PAGE_SIZE}.")
    return value


def _position(connection: str, argument: str, cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    position = _decode(connection, cursor)
    # Decoding is lenient, so compare with the cursor that this connection would have written.
    if position is None or encode_cursor(connection, position) != cursor:
        raise BadCursor(argument)
    return position


def _decode(connection: str, cursor: str) -> UUID | None:
    if len(cursor) > MAX_CURSOR_LENGTH:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        name, _, position = b64decode(padded, altchars="-_", validate=True).decode().partition(":")
        return UUID(hex=position) if name == connection else None
    except ValueError:
        return None
