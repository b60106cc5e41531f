"""The conditions of a token: when, from where and how often it may be used. Cleaned here.

Permissions say which calls a token may make; conditions say under which circumstances.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from server.errors import InvalidInput

MAX_NETWORKS = 50
MAX_REQUESTS_PER_HOUR = 1_000_000_000
_MAX_NETWORK_LENGTH = 50
_MAPPED = IPv6Network("::ffff:0:0/96")


class Unsaid(Enum):
    """Stands for a value that is not given, where None means something else."""

    UNSAID = "UNSAID"


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of a new token: none, unless they are given.

    expires_at: None for never. The token policy decides where it is not given.
    """

    expires_at: datetime | Unsaid | None = Unsaid.UNSAID
    networks: Sequence[str] = ()
    requests_per_hour: int | None = None
    holder_may_rotate: bool = False

    def columns(self) -> dict[str, Any]:
        """The columns of a token with these conditions, but the expiry. Raises `InvalidInput`."""
        return {
            "networks": clean_networks(self.networks),
            "requests_per_hour": clean_limit(self.requests_per_hour),
            "holder_may_rotate": self.holder_may_rotate,
        }


def to_milliseconds(instant: datetime) -> datetime:
    """The instant cut to milliseconds, the precision in which checks compare."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def clean_end(instant: datetime | None, now: datetime, field: str = "expiresAt") -> datetime | None:
    """The instant of an end, cut to milliseconds. Raises `InvalidInput` if it is not in the future.

    now: by the clock of the database. field: the input field that a refusal names.
    """
    if instant is None:
        return None
    wanted = to_milliseconds(instant)
    if wanted <= now:
        raise InvalidInput(field, "Choose an instant in the future.")
    return wanted


def clean_limit(requests_per_hour: int | None) -> int | None:
    """A limit of requests an hour; None for none. Raises `InvalidInput`."""
    if requests_per_hour is not None and not 1 <= requests_per_hour <= MAX_REQUESTS_PER_HOUR:
        raise InvalidInput(
            "requestsPerHour", f"A limit is 1 to {MAX_REQUESTS_PER_HOUR:,} requests an hour."
        )
    return requests_per_hour


def networks_of(joined: str | None) -> list[str]:
    """The networks of a column that joins them."""
    return joined.split(",") if joined else []


def clean_networks(networks: Sequence[str], field: str = "networks") -> str | None:
    """Networks as stored: each once, in the given order, joined by commas. None for none.

    An address alone is a network of one. Raises `InvalidInput` that names the entry.
    """
    if len(networks) > MAX_NETWORKS:
        raise InvalidInput(field, f"A token has at most {MAX_NETWORKS} networks.")
    cleaned = [str(_network(text, place, field)) for place, text in enumerate(networks, start=1)]
    return ",".join(dict.fromkeys(cleaned)) or None


def _network(text: str, place: int, field: str) -> IPv4Network | IPv6Network:
    # The text stays out of the message: it may hold a secret.
    problem = InvalidInput(
        field,
        f"Entry {place} is no network in CIDR notation, such as 192.0.2.0/24 or 2001:db8::/32.",
    )
    if len(text) > _MAX_NETWORK_LENGTH or not text.isascii() or "%" in text:
        raise problem
    try:
        loose = ip_network(text.strip(), strict=False)
    except ValueError:
        raise problem from None
    if str(loose.network_address) != str(ip_network(text.strip().partition("/")[0])[0]):
        raise InvalidInput(
            field, f"Entry {place} has bits after its prefix: the network is {loose}."
        )
    if isinstance(loose, IPv6Network) and loose.subnet_of(_MAPPED):
        # The addresses of requests are compared as IPv4 too.
        address = loose.network_address.ipv4_mapped
        return IPv4Network((str(address), loose.prefixlen - _MAPPED.prefixlen))
    return loose
