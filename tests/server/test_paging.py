"""Arguments of pages and cursors. The tests of the operations read the rows."""

from uuid import uuid4

import pytest

from server.errors import BadCursor, BadPage
from server.paging import PageRequest, encode_cursor, page_request


def test_a_cursor_names_its_position_forwards_and_backwards() -> None:
    position = uuid4()
    cursor = encode_cursor("tokens", position)
    assert page_request("tokens", 5, cursor) == PageRequest(5, position)
    assert page_request("tokens", None, None, 5, cursor) == PageRequest(5, position, True)


def test_default_page_is_the_first_fifty() -> None:
    assert page_request("tokens", None, None) == PageRequest(50)


@pytest.mark.parametrize("size", [1, 100])
def test_sizes_up_to_the_limit_are_accepted(size: int) -> None:
    assert page_request("tokens", size, None).size == size
    assert page_request("tokens", None, None, size, None).size == size


@pytest.mark.parametrize("size", [0, -1, 101, 2**31 - 1])
def test_sizes_beyond_the_limits_are_refused(size: int) -> None:
    with pytest.raises(BadPage, match="`first`"):
        page_request("tokens", size, None)
    with pytest.raises(BadPage, match="`last`"):
        page_request("tokens", None, None, size, None)


def test_both_directions_at_once_are_refused() -> None:
    cursor = encode_cursor("tokens", uuid4())
    for first, after, last, before in [
        (1, None, 1, None),
        (1, None, None, cursor),
        (None, cursor, 1, None),
        (None, cursor, None, cursor),
    ]:
        with pytest.raises(BadPage):
            page_request("tokens", first, after, last, before)


_HOSTILE = [
    "",
    "=",
    "abc",
    "not base64!",
    "dG9rZW5zOg",
    "dG9rZW5zOnRoaXMtaXMtbm8taWQ",
    "\0",
    "é",
    "👾",
    "A" * 10_000,
    "../../etc/passwd",
    "' OR 1=1 --",
]


@pytest.mark.parametrize("cursor", _HOSTILE)
def test_malformed_cursor_is_refused_unquoted(cursor: str) -> None:
    with pytest.raises(BadCursor) as refusal:
        page_request("tokens", None, cursor)
    assert refusal.value.message == "`after` is not a cursor of this connection."


def test_cursor_has_one_form() -> None:
    cursor = encode_cursor("tokens", uuid4())
    for variant in (f"{cursor}=", f" {cursor}", f"{cursor}\n", cursor[:-1]):
        with pytest.raises(BadCursor):
            page_request("tokens", None, variant)


def test_cursor_of_another_connection_is_refused() -> None:
    with pytest.raises(BadCursor, match="`before`"):
        page_request("tokens", None, None, 1, encode_cursor("admins", uuid4()))
