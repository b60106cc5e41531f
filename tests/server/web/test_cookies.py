"""One cookie is read by its name among any others, in time linear in the header."""

from time import process_time

import pytest
from starlette.datastructures import Headers

from server.web.cookies import MAX_COOKIE_LENGTH, read_cookie

NAME = "__Host-tessera_session"


def headers(*lines: bytes) -> Headers:
    return Headers(raw=[(b"cookie", line) for line in lines])


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"__Host-tessera_session=abc", "abc"),
        (b"a=b; __Host-tessera_session=abc; c=d", "abc"),
        (b"a=b;__Host-tessera_session=abc;c=d", "abc"),
        (b'a="x; __Host-tessera_session=abc', "abc"),
        (b'a="\\073"; __Host-tessera_session=abc; =; ;;', "abc"),
        (b"\xff=\xfe; __Host-tessera_session=abc", "abc"),
        (b"__Host-tessera_session=", ""),
        (b"__Host-tessera_session=a=b", "a=b"),
        (b'__Host-tessera_session="abc"', '"abc"'),
        (b"__Host-tessera_session=" + b"a" * MAX_COOKIE_LENGTH, "a" * MAX_COOKIE_LENGTH),
        (b"__Host-tessera_session=" + b"a" * (MAX_COOKIE_LENGTH + 1), None),
        (b"__host-tessera_session=abc", None),
        (b"x__Host-tessera_session=abc", None),
        (b"__Host-tessera_session", None),
        (b"__Host-tessera_session =abc", None),
        (b"a=__Host-tessera_session=abc", None),
        (b"__Host-tessera_session=abc; __Host-tessera_session=abc", None),
        (b"__Host-tessera_session=abc; a=b; __Host-tessera_session=", None),
        (b"", None),
    ],
)
def test_cookie_is_read_as_it_was_sent(line: bytes, value: str | None) -> None:
    assert read_cookie(headers(line), NAME) == value


def test_cookie_header_may_have_several_lines() -> None:
    """Gateways that speak HTTP/2 to the client split it (RFC 9113, section 8.2.3)."""
    assert read_cookie(headers(b"a=b", b"__Host-tessera_session=abc"), NAME) == "abc"
    twice = headers(b"__Host-tessera_session=abc", b"__Host-tessera_session=def")
    assert read_cookie(twice, NAME) is None
    assert read_cookie(headers(), NAME) is None


@pytest.mark.parametrize("unit", [b'\\"', b'a="', b"\\073", b";", b"a=b;", b" ", b"="])
def test_reading_a_cookie_takes_linear_time(unit: bytes) -> None:
    def seconds(line: bytes) -> float:
        """The least of several, since other processes share the machine."""
        found = []
        for _ in range(5):
            started = process_time()
            for _ in range(10):
                read_cookie(headers(line), NAME)
            found.append(process_time() - started)
        return min(found)

    size = 64 * 1024
    small = b'a="' + unit * (size // len(unit)) + b'"'
    large = b'a="' + unit * (8 * size // len(unit)) + b'"'
    assert seconds(large) < 40 * seconds(small) + 0.005
