"""The terms of a secret: everything that a decision reads of it, and their one writer.

Each change of a token that the wire must see ends here, in the transaction of the change.
"""

from collections.abc import Collection
from uuid import UUID

from tortoise.expressions import Q

import models
from server.database import dialect, retried, transaction
from server.token_format import DigestKey

_RENEWED_AT_ONCE = 200
# Tortoise updates no primary key. By the old digest: another operator's round may have been there.
_RENEW = {
    "postgres": "UPDATE token_secret SET digest = $1 WHERE tenant_id = $2 AND digest = $3",
    "sqlite": "UPDATE token_secret SET digest = ? WHERE tenant_id = ? AND digest = ?",
}
# The terms as the database gives them: the tenant's id, and its limit of requests an hour if it has
# one; the token's id; the value of `models.ClosedBy` if the secret is closed for good; and whether
# the token holds the permission in question.
Terms = tuple[str, int | None, str, str | None, bool]


async def add(token: models.Token, digest: bytes, keys: Collection[str]) -> None:
    """Write the terms of a new token's secret, which is kept as `digest` and grants `keys`."""
    await models.TokenSecret.create(
        tenant_id=token.tenant_id,
        token_id=token.id,
        digest=digest,
        grants=models.grants_of(keys),
    )


async def write_grants(token: models.Token, keys: Collection[str]) -> None:
    """Write that the secrets of `token` grant `keys`, all that it holds."""
    secrets = models.TokenSecret.filter(tenant_id=token.tenant_id, token_id=token.id)
    await secrets.update(grants=models.grants_of(keys))


async def close(tenant_id: UUID, token_ids: Collection[UUID], by: models.ClosedBy) -> None:
    """Close every secret of these tokens for good."""
    secrets = models.TokenSecret.filter(tenant_id=tenant_id, token_id__in=list(token_ids))
    await secrets.update(closed_by=by)


async def renew(key: DigestKey, tenant_id: UUID) -> int:
    """Renew the digests of a tenant's secrets with the newest generation of `key`; gives how many.

    Reads each secret once, in short transactions: a change of one of its tokens waits meanwhile.
    """
    renewed, last = 0, (UUID(int=0), 0)
    while secrets := await _secrets_after(tenant_id, *last):
        last = secrets[-1].token_id, secrets[-1].generation
        renewed += await _renew(key, tenant_id, secrets)
    return renewed


async def _secrets_after(
    tenant_id: UUID, token_id: UUID, generation: int
) -> list[models.TokenSecret]:
    later = Q(token_id__gt=token_id) | Q(token_id=token_id, generation__gt=generation)
    secrets = models.TokenSecret.filter(later, tenant_id=tenant_id)
    return await secrets.order_by("token_id", "generation").limit(_RENEWED_AT_ONCE)


@retried
async def _renew(key: DigestKey, tenant_id: UUID, secrets: Collection[models.TokenSecret]) -> int:
    is_embedded = dialect() == "sqlite"
    values = [
        [digest, str(tenant_id) if is_embedded else tenant_id, secret.digest]
        for secret in secrets
        if (digest := key.renewed(bytes(secret.digest)))
    ]
    if values:
        async with transaction() as client:
            await client.execute_many(_RENEW[dialect()], values)
    return len(values)


async def terms_of_any_tenant(digests: Collection[bytes]) -> Terms | None:
    """The terms of the secret kept as one of `digests`, of any tenant, without a permission.

    Of a distributed database it asks every node: a caller that knows the tenant uses the lookup.
    """
    # exempt queries_without_a_tenant: a digest is unique among all tenants
    found = models.TokenSecret.filter(digest__in=list(digests))
    row = await found.get_or_none()
    if row is None:
        return None
    closed_by = row.closed_by.value if row.closed_by else None
    return str(row.tenant_id), None, str(row.token_id), closed_by, False
