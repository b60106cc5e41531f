"""Reads the original request from a check, by the one configured kind of gateway.

The decision uses only headers that this kind of gateway always sets itself; other headers may come
from the client and are ignored. If one of these headers comes twice, the check is unreadable.
Values that are only logged, such as user agent and request id, may come from the client.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from string import ascii_letters, digits
from typing import Protocol
from urllib.parse import quote

from server.texts import LOOKED_AT_BEYOND, text_of_client

PREFIX = "/authorize"
_MAX_USER_AGENT = 255
_REQUEST_ID = re.compile(r"[0-9a-fA-F-]{8,36}")
# Clients repeat their user agents, and cleaning one is a pure function.
_CACHE_SIZE = 4096
# Maps each allowed character of a header's name to `-`, and all others to `_`.
_NAME_CHARACTERS = (ascii_letters + digits + "-").encode()
_AS_NAME = bytes(ord("-" if byte in _NAME_CHARACTERS else "_") for byte in range(256))
# Names that were found canonical: requests repeat them, and a look into a set takes a third of the
# time. Bounded, as clients choose some of the names.
_canonical: set[bytes] = set()
_MAX_NAMES, _MAX_NAME_LENGTH = 1_000, 64
Headers = Mapping[bytes, bytes]


class Check(Protocol):
    """A check as received: method and target are the gateway's, not the client's."""

    peer: str
    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]


# The client's request to the gateway: method, target as it was on the wire, and host.
Original = tuple[str, str, str]


class Unreadable(Exception):
    """A check that lacks a header of this kind of gateway, or has it twice."""


def _nginx(_check: Check, headers: Headers) -> Original:
    return _original(headers, b"x-original-method", b"x-original-uri", b"host")


def _forwarded(_check: Check, headers: Headers) -> Original:
    return _original(headers, b"x-forwarded-method", b"x-forwarded-uri", b"x-forwarded-host")


def _envoy(check: Check, headers: Headers) -> Original:
    """Envoy sends the original request itself, its path behind the configured prefix."""
    target, host = check.target.decode("latin-1"), headers.get(b"host")
    if not host or not target.startswith(PREFIX + "/"):
        raise Unreadable
    return check.method.decode("ascii"), target[len(PREFIX) :], host.decode("latin-1")


def _original(headers: Headers, of_method: bytes, of_target: bytes, of_host: bytes) -> Original:
    method, target, host = headers.get(of_method), headers.get(of_target), headers.get(of_host)
    if not method or not target or not host:
        raise Unreadable
    return method.decode("latin-1"), target.decode("latin-1"), host.decode("latin-1")


# `headers` are the `single` ones.
READERS: dict[str, Callable[[Check, Headers], Original]] = {
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

    CGI and its descendants (WSGI, Rack, PHP) map other characters to `-`. Such a backend would read
    `X_Forwarded_Host` as the header that the gateway strips or sets.
    """
    names = headers if len(headers) == len(listed) else [name for name, _ in listed]
    if _canonical.issuperset(names):
        return True
    if b"_" in b"".join(names).translate(_AS_NAME):
        return False
    if len(_canonical) < _MAX_NAMES:
        _canonical.update(name for name in names if len(name) <= _MAX_NAME_LENGTH)
    return True


def raw_target(scope_path: str, raw_path: bytes | None, query: bytes) -> bytes:
    """The request target as received, as far as the ASGI server keeps it."""
    path = raw_path or quote(scope_path).encode()
    return path + b"?" + query if query else path


def user_agent(headers: Headers) -> str:
    """The client's user agent, cleaned for display. Possible secrets are cut out."""
    return _user_agent(headers.get(b"user-agent", b"")[: _MAX_USER_AGENT + LOOKED_AT_BEYOND])


@lru_cache(_CACHE_SIZE)
def _user_agent(value: bytes) -> str:
    return text_of_client(value.decode("latin-1"), _MAX_USER_AGENT)


def request_id(headers: Headers) -> str | None:
    """The request id from the gateway, if it is hexadecimal like a UUID; or None."""
    value = headers.get(b"x-request-id")
    if value is None:
        return None
    text = value.decode("latin-1")
    return text if _REQUEST_ID.fullmatch(text) else None
