"""The request that a gateway asks about, read from the headers of the one configured kind.

What decides is believed only where the gateway always writes it itself: whatever else a client
sends through it is not looked at. A header of these that comes twice makes the request unreadable.
What is only recorded, such as the client's name and the request's id, may be the client's own.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from server.settings import Network, is_within, parsed_address

PREFIX = "/authorize"
_MOST_USER_AGENT = 255
_REQUEST_ID = re.compile(r"[0-9a-fA-F-]{8,36}")
# Clients put them where they do not belong, and this is kept and shown.
_MAY_BE_SECRET = re.compile(r"[\w+/=-]{30,}", re.ASCII)
Headers = Mapping[bytes, bytes]


class Original(NamedTuple):
    """What the client asked of the gateway. `target` is as it was on the wire."""

    method: str
    target: str
    host: str


class Unreadable(Exception):
    """A request that lacks what a gateway of this kind sends, or has it twice."""


def _nginx(_scope_method: str, _target: str, headers: Headers) -> Original:
    return Original(
        _text(headers, b"x-original-method"),
        _text(headers, b"x-original-uri"),
        _text(headers, b"host"),
    )


def _forwarded(_scope_method: str, _target: str, headers: Headers) -> Original:
    return Original(
        _text(headers, b"x-forwarded-method"),
        _text(headers, b"x-forwarded-uri"),
        _text(headers, b"x-forwarded-host"),
    )


def _envoy(method: str, target: str, headers: Headers) -> Original:
    """Envoy repeats the request itself, its path behind the configured prefix."""
    if not target.startswith(PREFIX + "/"):
        raise Unreadable
    return Original(method, target[len(PREFIX) :], _text(headers, b"host"))


READERS: dict[str, Callable[[str, str, Headers], Original]] = {
    "nginx": _nginx,
    "caddy": _forwarded,
    "traefik": _forwarded,
    "envoy": _envoy,
}


def single(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers by name, without those that come more than once."""
    found: dict[bytes, bytes] = {}
    twice: set[bytes] = set()
    for name, value in headers:
        if name in found:
            twice.add(name)
        found[name] = value
    for name in twice:
        del found[name]
    return found


def raw_target(scope_path: str, raw_path: bytes | None, query: bytes) -> str:
    """The request target on the wire, as far as the server keeps it."""
    path = (raw_path or quote(scope_path).encode()).decode("latin-1")
    return f"{path}?{query.decode('latin-1')}" if query else path


def client_address(
    peer: str, headers: Sequence[tuple[bytes, bytes]], trusted: tuple[Network, ...]
) -> str:
    """Who asked the gateway: the last address that it or a trusted proxy before it has written."""
    forwarded = [
        part.strip()
        for name, value in headers
        if name == b"x-forwarded-for"
        for part in value.decode("latin-1").split(",")
    ]
    address = peer
    while forwarded:
        address = forwarded.pop()
        if not is_within(address, trusted):
            break
    return str(parsed_address(address) or "unknown")


def user_agent(headers: Headers) -> str:
    """What the client calls itself, made fit to show. What might be a secret is left out."""
    text = shown(headers.get(b"user-agent", b"").decode("latin-1"), _MOST_USER_AGENT)
    return _MAY_BE_SECRET.sub("...", text)


def request_id(headers: Headers) -> str | None:
    """The id that the gateway gave the request, if it did: hexadecimal, as UUIDs are."""
    text = headers.get(b"x-request-id", b"").decode("latin-1")
    return text if _REQUEST_ID.fullmatch(text) else None


def shown(text: str, most: int) -> str:
    """`text` as it may be stored and shown: printable ASCII, cut to `most` characters."""
    return "".join(c if " " <= c <= "~" else "?" for c in text[:most])


def _text(headers: Headers, name: bytes) -> str:
    value = headers.get(name)
    if not value:
        raise Unreadable
    return value.decode("latin-1")
