"""Decides whether a secret may make a request. Pure: the terms and the request are all it reads.

`/authorize`, the demo API, `/introspect` and `/token` share these functions, so that they cannot
disagree.
"""

from functools import lru_cache
from ipaddress import ip_network

from models import RefusalReason
from server.catalogue import Catalogue, Permission, canonical_path
from server.decisions.terms import Terms
from server.memo import Memo
from server.web.client_address import Network, is_within

# The permission of the request's operation, or the reason why no permission would suffice.
Wanted = Permission | RefusalReason
_REASONS = {
    "REVOKED": RefusalReason.REVOKED,
    "RETIRED": RefusalReason.SECRET_RETIRED,
    "SUSPENDED": RefusalReason.TENANT_SUSPENDED,
    "EXPIRED": RefusalReason.EXPIRED,
    "PAUSED": RefusalReason.PAUSED,
}


def wanted_permission(catalogue: Catalogue, method: str, target: str) -> Wanted:
    """The permission that a request needs, or why no permission would suffice.

    target: in origin form, as received.
    """
    path = canonical_path(target)
    if path is None:
        return RefusalReason.TARGET_NOT_CANONICAL
    return catalogue.match(method, path) or RefusalReason.NO_SUCH_OPERATION


def denial_of_secret(terms: Terms) -> RefusalReason | None:
    """Why the secret is refused for every request; None if it is live."""
    state = terms.state
    if state is None:
        return None
    # Any value refuses it, so that an instance of an older version denies for new reasons too.
    return _REASONS.get(state, RefusalReason.REVOKED)


def decide(terms: Terms, wanted: Wanted, address: str) -> RefusalReason | None:
    """Why the request is denied; None if it may pass, within the limits of the rate limiter.

    address: the client's. A refused secret comes first: its holder learns nothing about the
    request. So does an address outside the networks: it may be a thief's.
    """
    if denial := denial_of_secret(terms):
        return denial
    if (terms.tenant_networks is not None and not _allowed[address, terms.tenant_networks]) or (
        terms.token_networks is not None and not _allowed[address, terms.token_networks]
    ):
        return RefusalReason.ADDRESS_NOT_ALLOWED
    if not isinstance(wanted, Permission):
        return wanted
    return None if terms.holds else RefusalReason.NOT_GRANTED


def denial_of_holder(terms: Terms, address: str) -> RefusalReason | None:
    """Why the holder of the secret is refused every request from this address; None if not."""
    denial = decide(terms, RefusalReason.NO_SUCH_OPERATION, address)
    # Comes last: secret and address pass.
    return None if denial is RefusalReason.NO_SUCH_OPERATION else denial


def _is_allowed(address: str, networks: str) -> bool:
    return is_within(address, _networks(networks))


@lru_cache(4096)
def _networks(joined: str) -> tuple[Network, ...]:
    return tuple(map(ip_network, joined.split(",")))


# A token is called from few addresses.
_allowed = Memo(_is_allowed, 16_384)
