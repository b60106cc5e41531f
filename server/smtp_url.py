"""The mail server that the operator names, read from its URL."""

import re
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import parse_qsl, unquote, urlsplit

_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_PLACE = re.compile(r"smtps?://[^\s/?#]+/?(\?[^\s#]*)?")


class Tls(Enum):
    """How a connection to a mail server is encrypted.

    AT_ONCE: from its first byte. REQUIRED: by STARTTLS, or nothing is sent. OFFERED: by STARTTLS
    where the server offers it. OFF: never.
    """

    AT_ONCE = "at once"
    REQUIRED = "required"
    OFFERED = "offered"
    OFF = "off"


_PORTS = {Tls.AT_ONCE: 465, Tls.REQUIRED: 587, Tls.OFFERED: 25, Tls.OFF: 25}
_STARTTLS = {tls.value: tls for tls in Tls if tls is not Tls.AT_ONCE}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server: where it is, and how to sign in; without a user, it is asked for nothing."""

    host: str
    port: int
    tls: Tls
    user: str = ""
    password: str = field(default="", repr=False)


def read_smtp_url(url: str) -> SmtpServer:
    """The server of `smtp://USER:PASSWORD@HOST:PORT?starttls=…` or `smtps://…`.

    USER and PASSWORD are percent-encoded. Raises `ValueError`, also where a password would be sent
    without encryption.
    """
    if not _PLACE.fullmatch(url):
        raise ValueError("no such URL")
    parts = urlsplit(url)
    tls = _tls(parts.scheme, parts.query)
    host, port = parts.hostname or "", _PORTS[tls] if parts.port is None else parts.port
    user, password = _decoded(parts.username), _decoded(parts.password)
    if not _HOST.fullmatch(host) or port == 0 or bool(user) is not bool(password):
        raise ValueError("no place, or half of a user's name and password")
    if user and tls in {Tls.OFFERED, Tls.OFF}:
        raise ValueError("the password could be read on the way")
    return SmtpServer(host, port, tls, user, password)


def _tls(scheme: str, query: str) -> Tls:
    parameters = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    if scheme == "smtps" and not parameters:
        return Tls.AT_ONCE
    match scheme, parameters:
        case "smtp", []:
            return Tls.REQUIRED
        case "smtp", [("starttls", how)] if how in _STARTTLS:
            return _STARTTLS[how]
    raise ValueError("no such parameter")


def _decoded(text: str | None) -> str:
    decoded = unquote(text or "", errors="strict")
    if not decoded.isprintable():
        raise ValueError("a character that is not printable")
    return decoded
