"""The addresses that this server may connect to on behalf of a tenant.

Only public addresses are allowed, so that no tenant reaches services that trust the server's own
network (SSRF). The lists are kept here, because the answers of `ipaddress` change with Python's
version.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from server.web.client_address import Network

# IANA's special-purpose registries (RFC 6890), with the forms in which an IPv6 address holds an
# IPv4 one: what a translator or tunnel on the way makes of those is not judged here.
_REFUSED = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # private
            "100.64.0.0/10",  # shared with a carrier
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local, where clouds serve credentials
            "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",
            "192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24",  # AS112 and AMT
            "192.88.99.0/24",  # relays of 6to4
            "198.18.0.0/15",  # benchmarks
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
            "::/96",  # unspecified, loopback, IPv4-compatible
            "::ffff:0:0/96",  # IPv4-mapped
            "::ffff:0:0:0/96",  # IPv4-translated
            "64:ff9b::/96", "64:ff9b:1::/48",  # NAT64
            "100::/64", "100:0:0:1::/64",  # discarded
            "2001::/23",  # Teredo, ORCHID and other protocols
            "2001:db8::/32", "3fff::/20",  # documentation
            "2002::/16",  # 6to4
            "5f00::/16",  # segment routing
            "fc00::/7", "fec0::/10",  # private
            "fe80::/10",  # link-local
            "ff00::/8",  # multicast
        ),
    )
)  # fmt: skip
# The interface's part of an ISATAP address (RFC 5214) holds an IPv4 one, in any network.
_ISATAP = {0x00005EFE, 0x02005EFE}


def is_allowed(text: str, networks: Sequence[Network], *, is_encrypted: bool) -> bool:
    """Whether a connection to the address `text` is allowed.

    networks: those that the operator allows, by HTTP too. Without encryption, only they are.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    if any(address in network for network in networks):
        return True
    return is_encrypted and is_public(address)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether everybody on the internet reaches the same machine by this address."""
    if isinstance(address, IPv6Address) and int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        return False
    return address.is_global and not any(address in network for network in _REFUSED)
