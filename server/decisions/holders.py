"""Finds the holder of a secret: who sends the whole secret holds it, in whichever tenant.

Unlike a check, which names the tenant by its host.
"""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from server.access.principal import Holder
from server.database import require_writable
from server.decisions.terms import Terms, terms_of_any_tenant
from server.service import Service
from server.token_format import is_token_secret


class Presented(NamedTuple):
    """A known secret: its holder, and the terms by which the holder may be refused."""

    holder: Holder
    terms: Terms


def digests_of(service: Service, secret: str) -> tuple[bytes, ...]:
    """The digests under which `secret` may be kept; none for a text that no secret has."""
    if not is_token_secret(service.settings.token_brand, secret):
        return ()
    return service.digest_key.digests("token", secret)


async def find_holder(digests: Collection[bytes], address: str) -> Presented | None:
    """The holder of the secret with these digests, live or refused; None if it is unknown.

    address: the client's, for the activity.
    """
    # A standby may not know the latest secrets and revocations yet.
    await require_writable()
    terms = await terms_of_any_tenant(digests)
    if terms is None:
        return None
    return Presented(Holder(UUID(terms.tenant_id), UUID(terms.token_id), address), terms)
