"""Token introspection, for services that hold a gateway's credential."""

from dataclasses import dataclass

import models
from server.database import require_writable
from server.service import Service
from server.token_format import is_token_secret


@dataclass(frozen=True, slots=True)
class Introspected:
    """A live token: its row, its tenant, and the keys of what it opens today."""

    token: models.Token
    tenant: models.Tenant
    permissions: tuple[str, ...]


async def is_gateway(service: Service, secret: str, name: str | None = None) -> bool:
    """Whether `secret` is a live gateway's credential, and of the one called `name` if given."""
    # The first query of `/introspect`: a standby may not know the latest revocations yet.
    await require_writable()
    digests = service.digest_key.digests("gateway", secret)
    live = models.Gateway.filter(digest__in=digests, revoked_at__isnull=True)
    return await (live.filter(name=name) if name is not None else live).exists()


async def introspect(service: Service, secret: str) -> Introspected | None:
    """The live token whose secret this is, of whichever tenant; None for anything else."""
    if not is_token_secret(service.settings.token_brand, secret):
        return None
    digests = service.digest_key.digests("token", secret)
    # The caller need not know the token's tenant, so this one query starts with no tenant.
    found = models.Token.filter(digest__in=digests, revoked_at__isnull=True)  # any tenant's
    token = await found.get_or_none()
    if token is None:
        return None
    tenant = await models.Tenant.get(id=token.tenant_id)
    held = models.TokenPermission.filter(tenant_id=token.tenant_id, token_id=token.id)
    permissions = [service.catalogue.find(row.key) for row in await held]
    keys = {permission.key for permission in permissions if permission}
    current = (p.key for p in service.catalogue.permissions if p.key in keys)
    return Introspected(token, tenant, tuple(current))
