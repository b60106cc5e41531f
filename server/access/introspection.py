"""Token introspection, for services that hold a credential for it."""

from dataclasses import dataclass

import models
from server.access.principal import IntrospectionClient
from server.database import require_writable
from server.roles import Right
from server.service import Service
from server.token_format import is_token_secret


@dataclass(frozen=True, slots=True)
class Introspected:
    """A live token: its row, its tenant, and the keys of what it opens today."""

    token: models.Token
    tenant: models.Tenant
    permissions: tuple[str, ...]


async def find_client(
    service: Service, secret: str, name: str | None = None
) -> IntrospectionClient | None:
    """The introspection client with this live credential, and with this name if one is given."""
    # The first query of `/introspect`: a standby may not know the latest revocations yet.
    await require_writable()
    digests = service.digest_key.digests("gateway", secret)
    live = models.Gateway.filter(digest__in=digests, revoked_at__isnull=True)
    row = await (live.filter(name=name) if name is not None else live).get_or_none()
    return IntrospectionClient(row.id) if row else None


async def introspect(
    client: IntrospectionClient, service: Service, secret: str
) -> Introspected | None:
    """The live token whose secret this is, of whichever tenant; None for anything else."""
    client.require(Right.INTROSPECT)
    if not is_token_secret(service.settings.token_brand, secret):
        return None
    digests = service.digest_key.digests("token", secret)
    # The caller need not know the token's tenant, so this one query starts with no tenant.
    # exempt queries_without_a_tenant: a digest is unique among all tenants
    found = models.Token.filter(digest__in=digests, revoked_at__isnull=True)
    token = await found.get_or_none()
    if token is None:
        return None
    tenant = await models.Tenant.get(id=token.tenant_id)
    held = models.TokenPermission.filter(tenant_id=token.tenant_id, token_id=token.id)
    permissions = [service.catalogue.find(row.key) for row in await held]
    keys = {permission.key for permission in permissions if permission}
    current = (p.key for p in service.catalogue.permissions if p.key in keys)
    return Introspected(token, tenant, tuple(current))
