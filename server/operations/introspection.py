"""Token introspection, for services behind the gateway. Unlike a check it names no tenant."""

from dataclasses import dataclass
from uuid import UUID

import models
from server.access.held import open_keys
from server.access.principal import IntrospectionClient
from server.decisions.decide import denial_of_secret
from server.decisions.terms import terms_of_any_tenant
from server.roles import Right
from server.service import Service
from server.token_format import is_token_secret


@dataclass(frozen=True, slots=True)
class Introspected:
    """A live token: its row, its tenant, and the keys of the permissions that it opens today."""

    token: models.Token
    tenant: models.Tenant
    permissions: tuple[str, ...]


async def introspect(
    client: IntrospectionClient, service: Service, secret: str
) -> Introspected | None:
    """The live token with this secret, of any tenant; None for any other text."""
    client.require(Right.INTROSPECT)
    if not is_token_secret(service.settings.token_brand, secret):
        return None
    found = await terms_of_any_tenant(service.digest_key.digests("token", secret))
    if found is None or denial_of_secret(found):
        return None
    tenant_id, token_id = UUID(found[0]), UUID(found[2])
    tenant = await models.Tenant.get(id=tenant_id)
    token = await models.Token.get(tenant_id=tenant_id, id=token_id)
    return Introspected(token, tenant, await open_keys(service.catalogue, token))
