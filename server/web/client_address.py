"""The address of the client behind trusted proxies, for every surface.

A proxy appends its peer's address to `X-Forwarded-For`, or to `Forwarded` (RFC 7239). Elements
further left were sent by the client and prove nothing, so both headers are read from the right,
past trusted proxies. Only one of the two is read: a proxy that writes one passes the other on as
the client sent it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
UNKNOWN = "unknown"
X_FORWARDED_FOR, FORWARDED = "x-forwarded-for", "forwarded"
# Only the right end of a longer header is read: the rest comes from the client.
_MAX_LENGTH = 2048
_MAX_HOPS = 32
_MAX_NODE_LENGTH = 100
# Clients repeat their headers, and parsing is a pure function. Longer values would fill memory.
_CACHE_SIZE, _MAX_CACHED_LENGTH = 4096, 255
_PORT = r"(?::(?:[0-9]{1,5}|_[\w.-]+))?"
_NODE = re.compile(rf"\[(?P<v6>[^\[\]]+)\]{_PORT}|(?P<v4>[0-9.]+){_PORT}|(?P<bare>[^\[\]]+)")
_FOR = re.compile(r'(?:^|;)[ \t]*for=("[^"\\]*"|[^";,\s]*)[ \t]*(?=;|$)', re.IGNORECASE)


class ClientAddresses:
    """Finds the client's address of a request.

    trusted: the networks of trusted proxies.
    header: the header that they write, `x-forwarded-for` or `forwarded`.
    trusts_peer: whether the caller has checked the peer already, as for gateways.
    """

    def __init__(
        self,
        trusted: tuple[Network, ...],
        header: str = X_FORWARDED_FOR,
        *,
        trusts_peer: bool = False,
    ) -> None:
        self._trusted = trusted
        self._name = header.encode()
        self._trusts_peer = trusts_peer
        self._nodes = _nodes_of_forwarded if header == FORWARDED else _nodes
        self._cached = lru_cache(_CACHE_SIZE)(self._find)

    def of(
        self,
        peer: str,
        headers: Sequence[tuple[bytes, bytes]],
        single: Mapping[bytes, bytes] | None = None,
    ) -> str:
        """The client's address, or `unknown` if a trusted proxy does not name it.

        headers: every line, names in lower case; several lines form one list, in their order.
        single: the headers whose names come once, if the caller has them.
        """
        value = single.get(self._name) if single else None
        if value is None and (single is None or len(single) < len(headers)):
            value = b",".join(value for name, value in headers if name == self._name)
        if not value:
            return self._cached(peer, b"")
        find = self._cached if len(value) <= _MAX_CACHED_LENGTH else self._find
        return find(peer, value)

    def _find(self, peer: str, value: bytes) -> str:
        address = parsed_address(peer)
        if self._trusts_peer or _is_in(address, self._trusted):
            for hop, node in enumerate(self._nodes(_right_end(value))):
                if not node or hop == _MAX_HOPS:
                    break
                address = _address_of(node)
                if not _is_in(address, self._trusted):
                    break
        return str(address or UNKNOWN)


def is_within(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether `address` is in one of these networks. False for text that is no address."""
    return _is_in(parsed_address(address), networks)


def parsed_address(text: str) -> Address | None:
    """Parse an IP address, without its zone; None for other text.

    An IPv4-mapped IPv6 address, as dual-stack sockets report it, becomes IPv4.
    """
    if len(text) > _MAX_NODE_LENGTH:
        return None
    address, percent, zone = text.partition("%")
    if percent and not (zone and ":" in address):
        return None
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _is_in(address: Address | None, networks: tuple[Network, ...]) -> bool:
    return address is not None and any(address in network for network in networks)


def _right_end(value: bytes) -> str:
    """The right end of the list, without an element that the limit cuts."""
    text = value[-_MAX_LENGTH:].decode("latin-1")
    return text if len(value) <= _MAX_LENGTH else text.partition(",")[2]


def _address_of(node: str) -> Address | None:
    """The address of a node with or without port and brackets; None for `unknown` and `_hidden`."""
    match = _NODE.fullmatch(node) if len(node) <= _MAX_NODE_LENGTH else None
    return parsed_address(match["v6"] or match["v4"] or match["bare"]) if match else None


def _nodes(value: str) -> Iterator[str]:
    """The nodes of `X-Forwarded-For`, from the right."""
    return (part.strip(" \t") for part in reversed(value.split(",")))


def _nodes_of_forwarded(value: str) -> Iterator[str]:
    """The `for` of each element of `Forwarded`, from the right; `unknown` where it has none."""
    for element in _elements(value):
        found = _FOR.findall(element)
        if element.strip(" \t"):
            yield found[0].strip('"') or UNKNOWN if len(found) == 1 else UNKNOWN
        else:
            yield ""


def _elements(value: str) -> Iterator[str]:
    """The elements of a list with quoted strings, from the right.

    From the left, a quote that a client opened would swallow the proxy's part.
    """
    end, quoted = len(value), False
    for place in range(len(value) - 1, -1, -1):
        if value[place] == '"':
            quoted = not quoted
        elif value[place] == "," and not quoted:
            yield value[place + 1 : end]
            end = place
    yield value[:end]
