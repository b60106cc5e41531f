"""The permissions of a token that open something today."""

import models
from server.catalogue import Catalogue


async def open_keys(catalogue: Catalogue, token: models.Token) -> tuple[str, ...]:
    """The keys of the permissions that `token` holds and `catalogue` has, in its order."""
    held = models.TokenPermission.filter(tenant_id=token.tenant_id, token_id=token.id)
    permissions = [catalogue.find(row.key) for row in await held]
    keys = {permission.key for permission in permissions if permission}
    return tuple(permission.key for permission in catalogue.permissions if permission.key in keys)
