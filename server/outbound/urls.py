"""The form of URLs that tenants give. The address of a host is checked at the connection."""

import re
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from server.errors import InvalidInput
from server.outbound.addresses import is_allowed
from server.web.client_address import Network

MAX_URL_LENGTH = 2000
_ALLOWED_PORTS = {80, 443}
_MIN_OTHER_PORT = 1024
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*\.?")
# Resolvers read such names as addresses: 2130706433 and 0x7f.1 are 127.0.0.1.
_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)\.?")
_PRINTABLE = re.compile(r"[!-~]+")


def clean_url(text: str, networks: Sequence[Network], field: str = "url") -> str:
    """`text` as the URL of a webhook. Raises `InvalidInput`.

    The URL is HTTPS, or HTTP where the operator allows networks. It has no user name, password or
    fragment. Its port is 443, 80, or 1024 and above. An address in place of a name must be an
    allowed one.
    """
    url = text.strip() if len(text) <= MAX_URL_LENGTH else ""
    if not url:
        raise InvalidInput(field, f"Enter a URL of at most {MAX_URL_LENGTH} characters.")
    # A backslash starts the path for some parsers and is a part of the host for others.
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise InvalidInput(field, "A URL has printable ASCII characters and no backslash.")
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        raise InvalidInput(field, "Enter a URL such as https://example.com/path.") from None
    _check_scheme(scheme, networks, field)
    if "@" in parts.netloc or "#" in url:
        raise InvalidInput(field, "A URL has no name, password or fragment.")
    if port is not None and port not in _ALLOWED_PORTS and port < _MIN_OTHER_PORT:
        raise InvalidInput(field, "A port is 443, 80, or from 1024 to 65535.")
    _check_host(scheme, host, networks, field)
    netloc = f"[{host}]" if ":" in host else host
    at_port = "" if port is None else f":{port}"
    query = f"?{parts.query}" if parts.query else ""
    return f"{scheme}://{netloc}{at_port}{parts.path or '/'}{query}"


def _check_scheme(scheme: str, networks: Sequence[Network], field: str) -> None:
    if scheme == "http" and not networks:
        raise InvalidInput(field, "Use https: this server sends nothing unencrypted.")
    if scheme not in {"https", "http"}:
        raise InvalidInput(field, "Enter a URL that begins with https://.")


def _check_host(scheme: str, host: str, networks: Sequence[Network], field: str) -> None:
    try:
        ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host) or _NUMBER.fullmatch(host):
            message = "Enter a host name, an international one in its ASCII spelling."
            raise InvalidInput(field, message) from None
    else:
        if not is_allowed(host, networks, is_encrypted=scheme == "https"):
            raise InvalidInput(field, "This server sends nothing to this address.")
