"""The request that a gateway asks about, read from the headers of the one configured kind.

What decides is believed only where the gateway always writes it itself: whatever else a client
sends through it is not looked at. A header of these that comes twice makes the request unreadable.
What is only recorded, such as the client's name and the request's id, may be the client's own.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from string import ascii_letters, digits
from typing import Protocol
from urllib.parse import quote

PREFIX = "/authorize"
_MOST_USER_AGENT = 255
_REQUEST_ID = re.compile(r"[0-9a-fA-F-]{8,36}")
# Clients put them where they do not belong, and this is kept and shown.
_MAY_BE_SECRET = re.compile(r"[\w+/=-]{30,}", re.ASCII)
_NOT_PRINTABLE = re.compile(r"[^ -~]")
# Clients repeat their names, and making one fit to show is a pure function.
_CACHE_SIZE = 4096
# Makes `-` of each character that a header's name may have, and `_` of all others.
_NAME_CHARACTERS = (ascii_letters + digits + "-").encode()
_AS_NAME = bytes(ord("-" if byte in _NAME_CHARACTERS else "_") for byte in range(256))
Headers = Mapping[bytes, bytes]


class Asked(Protocol):
    """A gateway's request as it came: method and target are its own, not the client's."""

    peer: str
    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]


# What the client asked of the gateway: method, target as it was on the wire, and host.
Original = tuple[str, str, str]


class Unreadable(Exception):
    """A request that lacks what a gateway of this kind sends, or has it twice."""


def _nginx(_asked: Asked, headers: Headers) -> Original:
    return _original(headers, b"x-original-method", b"x-original-uri", b"host")


def _forwarded(_asked: Asked, headers: Headers) -> Original:
    return _original(headers, b"x-forwarded-method", b"x-forwarded-uri", b"x-forwarded-host")


def _envoy(asked: Asked, headers: Headers) -> Original:
    """Envoy repeats the request itself, its path behind the configured prefix."""
    target, host = asked.target.decode("latin-1"), headers.get(b"host")
    if not host or not target.startswith(PREFIX + "/"):
        raise Unreadable
    return asked.method.decode("ascii"), target[len(PREFIX) :], host.decode("latin-1")


def _original(headers: Headers, of_method: bytes, of_target: bytes, of_host: bytes) -> Original:
    method, target, host = headers.get(of_method), headers.get(of_target), headers.get(of_host)
    if not method or not target or not host:
        raise Unreadable
    return method.decode("latin-1"), target.decode("latin-1"), host.decode("latin-1")


# `headers` are the `single` ones.
READERS: dict[str, Callable[[Asked, Headers], Original]] = {
    "nginx": _nginx,
    "caddy": _forwarded,
    "traefik": _forwarded,
    "envoy": _envoy,
}


def single(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers by name, without those that come more than once."""
    found = dict(headers)
    if len(found) < len(headers):
        seen: set[bytes] = set()
        for name, _ in headers:
            if name in seen:
                found.pop(name, None)
            seen.add(name)
    return found


def are_canonical(listed: Sequence[tuple[bytes, bytes]], headers: Headers) -> bool:
    """Whether each header's name has only letters, digits and `-`. `headers` are the `single` ones.

    CGI and its descendants (WSGI, Rack, PHP) fold other characters to `-`: such a backend would
    read `X_Forwarded_Host` as the header that the gateway strips or sets.
    """
    names = headers if len(headers) == len(listed) else [name for name, _ in listed]
    return b"_" not in b"".join(names).translate(_AS_NAME)


def raw_target(scope_path: str, raw_path: bytes | None, query: bytes) -> bytes:
    """The request target on the wire, as far as the server keeps it."""
    path = raw_path or quote(scope_path).encode()
    return path + b"?" + query if query else path


def user_agent(headers: Headers) -> str:
    """What the client calls itself, made fit to show. What might be a secret is left out."""
    return _user_agent(headers.get(b"user-agent", b"")[:_MOST_USER_AGENT])


@lru_cache(_CACHE_SIZE)
def _user_agent(value: bytes) -> str:
    return _MAY_BE_SECRET.sub("...", shown(value.decode("latin-1"), _MOST_USER_AGENT))


def request_id(headers: Headers) -> str | None:
    """The id that the gateway gave the request, if it did: hexadecimal, as UUIDs are."""
    value = headers.get(b"x-request-id")
    if value is None:
        return None
    text = value.decode("latin-1")
    return text if _REQUEST_ID.fullmatch(text) else None


def shown(text: str, most: int) -> str:
    """`text` as it may be stored and shown: printable ASCII, cut to `most` characters."""
    return _NOT_PRINTABLE.sub("?", text[:most])
