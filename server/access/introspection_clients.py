"""Authentication of introspection clients: services with a credential for `/introspect`."""

import models
from server.access.principal import IntrospectionClient
from server.database import require_writable
from server.service import Service


async def find_client(
    service: Service, secret: str, name: str | None = None
) -> IntrospectionClient | None:
    """The introspection client with this live credential, and with this name if one is given."""
    # The first query of `/introspect`: a standby may not know the latest revocations yet.
    await require_writable()
    digests = service.digest_key.digests("gateway", secret)
    live = models.IntrospectionCredential.filter(digest__in=digests, revoked_at__isnull=True)
    row = await (live.filter(name=name) if name is not None else live).get_or_none()
    return IntrospectionClient(row.id) if row else None
