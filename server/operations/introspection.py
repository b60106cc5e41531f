"""Token introspection, for services behind the gateway. Unlike a check it names no tenant."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import models
from models import RotationPart
from server.access.held import open_keys
from server.access.principal import IntrospectionClient
from server.database import reaching
from server.decisions.decide import denial_of_secret
from server.decisions.holders import digests_of
from server.decisions.terms import Terms, retirement, terms_of_any_tenant
from server.roles import Right
from server.service import Service


@dataclass(frozen=True, slots=True)
class Introspected:
    """A live token: its row, its tenant, and the keys of the permissions that it opens today.

    ends_at: the instant from which the secret is refused, as known now; None for a secret without
        one. The expiry of the token, or the end of an old secret, if that is earlier.
    """

    token: models.Token
    tenant: models.Tenant
    permissions: tuple[str, ...]
    ends_at: datetime | None


async def introspect(
    client: IntrospectionClient, service: Service, secret: str
) -> Introspected | None:
    """The live token with this secret, of any tenant; None for any other text."""
    client.require(Right.INTROSPECT)
    digests = digests_of(service, secret)
    found = await terms_of_any_tenant(digests)
    if found is None or denial_of_secret(found):
        return None
    tenant_id, token_id = UUID(found[0]), UUID(found[2])
    with reaching(tenant_id):
        tenant = await models.Tenant.get(id=tenant_id)
        token = await models.Token.get(tenant_id=tenant_id, id=token_id)
        keys = await open_keys(service.catalogue, token)
        return Introspected(token, tenant, keys, await _end_of(found, tenant_id, digests))


async def _end_of(found: Terms, tenant_id: UUID, digests: Collection[bytes]) -> datetime | None:
    # Of the terms: a token's row that is read later may have an expiry that was not judged.
    ends = [datetime.fromisoformat(found.expires_at)] if found.expires_at else []
    if found.marks == RotationPart.OLD:
        retires_at = await retirement(tenant_id, digests)
        ends += [retires_at] if retires_at else []
    return min(ends, default=None)
