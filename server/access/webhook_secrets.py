"""The secrets with which events are signed: kept sealed, each in its webhook's row."""

from uuid import UUID

import models
from server.access import sealing
from server.access.digest_keys import generation_to_keep
from server.database import retried, transaction
from server.token_format import DigestKey

_PURPOSE = b"webhook secret"


async def sealed_secret(key: DigestKey, tenant_id: UUID, webhook_id: UUID, secret: bytes) -> bytes:
    """The form in which a webhook's secret is kept. Call it in the transaction that keeps it.

    Raises `KeyReplaced`.
    """
    generation = await generation_to_keep(key)
    return sealing.seal(key, generation, _PURPOSE, _place(tenant_id, webhook_id), secret)


def opened_secret(key: DigestKey, webhook: models.Webhook) -> bytes:
    """The secret of a webhook. Raises `sealing.CannotOpen`."""
    place = _place(webhook.tenant_id, webhook.id)
    return sealing.open_sealed(key, _PURPOSE, place, bytes(webhook.secret))


async def renew(key: DigestKey, tenant_id: UUID) -> int:
    """Seal the tenant's secrets with the newest key; gives how many were sealed with another."""
    webhooks = await models.Webhook.filter(tenant_id=tenant_id).order_by("id").only("id", "secret")
    old = [one.id for one in webhooks if sealing.needs_sealing_anew(key, bytes(one.secret))]
    for webhook_id in old:
        await _renew_one(key, tenant_id, webhook_id)
    return len(old)


@retried
async def _renew_one(key: DigestKey, tenant_id: UUID, webhook_id: UUID) -> None:
    async with transaction():
        own = models.Webhook.filter(tenant_id=tenant_id, id=webhook_id)
        webhook = await own.select_for_update().get_or_none()
        if webhook is not None:
            secret = opened_secret(key, webhook)
            webhook.secret = await sealed_secret(key, tenant_id, webhook_id, secret)
            await webhook.write("secret")


def _place(tenant_id: UUID, webhook_id: UUID) -> bytes:
    return tenant_id.bytes + webhook_id.bytes
