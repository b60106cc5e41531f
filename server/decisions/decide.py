"""Decides whether a secret may make a request. Pure: the terms and the request are all it reads.

`/authorize`, the demo API and `/introspect` share these functions, so that they cannot disagree.
"""

from models import RefusalReason
from server.catalogue import Permission
from server.decisions.terms import Terms

# The permission of the request's operation, or the reason why no permission would suffice.
Wanted = Permission | RefusalReason


def denial_of_secret(terms: Terms) -> RefusalReason | None:
    """Why the secret is refused for every request; None if it is live."""
    # Any value closes it, so that an instance of an older version denies for new reasons too.
    return RefusalReason.REVOKED if terms[3] is not None else None


def decide(terms: Terms, wanted: Wanted) -> RefusalReason | None:
    """Why the request is denied; None if it may pass, within the limits of the rate limiter.

    A closed secret comes first: its holder learns nothing about the request.
    """
    if denial := denial_of_secret(terms):
        return denial
    if not isinstance(wanted, Permission):
        return wanted
    return None if terms[4] else RefusalReason.NOT_GRANTED
