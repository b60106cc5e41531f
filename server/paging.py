"""Pages and cursors (Relay Cursor Connections). How a page is queried lives in `access.tenancy`.

A cursor is the id of a row and the name of its connection, in base64. It is opaque to clients,
grants no access, and is refused by every other connection. In a connection that is not ordered by
ids, it also holds the key that the row is ordered by.
"""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from server.errors import BadCursor, BadPage
from server.global_ids import encode_hex_id

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 50
# A key is a name of 100 characters at most, of up to four bytes each.
MAX_CURSOR_LENGTH = 1024
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which rows to read: `size` of them beyond `position`, in a connection's order or against it.

    backwards: towards the connection's beginning, as `last` and `before` ask for.
    key: of the row at `position`, in a connection that is not ordered by ids alone.
    """

    size: int = DEFAULT_PAGE_SIZE
    position: UUID | None = None
    backwards: bool = False
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[_T]):
    """Rows in the connection's order, and whether there are more on either side.

    keys: of the rows, in a connection that is not ordered by ids alone.
    """

    rows: Sequence[_T]
    has_previous: bool
    has_next: bool
    keys: Sequence[str | None] | None = None


def _is_none(key: str | None) -> bool:
    return key is None


def page_request(
    connection: str,
    first: int | None,
    after: str | None,
    last: int | None = None,
    before: str | None = None,
    *,
    is_key: Callable[[str | None], bool] = _is_none,
) -> PageRequest:
    """The request that Relay's four arguments make.

    is_key: whether a cursor of `connection` may hold this key, or none. Raises `BadPage` for sizes
    outside 1 to 100 and for both directions at once, `BadCursor` for a text that is not a cursor
    of `connection`.
    """
    if (last is not None or before is not None) and (first is not None or after is not None):
        raise BadPage("Ask for `first` and `after`, or for `last` and `before`.")
    backwards = last is not None or before is not None
    name, cursor, size = ("before", before, last) if backwards else ("after", after, first)
    size = _size("last" if backwards else "first", size)
    if cursor is None:
        return PageRequest(size, None, backwards)
    position, key = _place(connection, name, cursor, is_key)
    return PageRequest(size, position, backwards, key)


def encode_cursor(connection: str, position: UUID, key: str | None = None) -> str:
    """The cursor of the row `position` in `connection`, where it is ordered by `key`."""
    if key is None:
        return encode_hex_id(connection, position.hex)
    return urlsafe_b64encode(f"{connection}:{position.hex}:{key}".encode()).decode().rstrip("=")


def _size(argument: str, value: int | None) -> int:
    if value is None:
        return DEFAULT_PAGE_SIZE
    if not 1 <= value <= MAX_PAGE_SIZE:
        raise BadPage(f"`{argument}` must be from 1 to {MAX_PAGE_SIZE}.")
    return value


def _place(
    connection: str, argument: str, cursor: str, is_key: Callable[[str | None], bool]
) -> tuple[UUID, str | None]:
    """The row's id and key. Raises `BadCursor`."""
    decoded = _decode(connection, cursor)
    # Decoding is lenient, so compare with the cursor that this connection would have written.
    if decoded is None or encode_cursor(connection, *decoded) != cursor or not is_key(decoded[1]):
        raise BadCursor(argument)
    return decoded


def _decode(connection: str, cursor: str) -> tuple[UUID, str | None] | None:
    if len(cursor) > MAX_CURSOR_LENGTH:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        name, _, place = b64decode(padded, altchars="-_", validate=True).decode().partition(":")
        position, divided, key = place.partition(":")
        return (UUID(hex=position), key if divided else None) if name == connection else None
    except ValueError:
        return None
