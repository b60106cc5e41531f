"""One instance that sends events to webhooks, and does nothing else.

Run as a process of its own, `process.Worker`, with the arguments URL and LEASE_SECONDS. A third
argument plants a fault: `early` notes an event as delivered well before it is sent, `unleased`
sends without a lease.
"""

import asyncio
import signal
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import models
from models import DeliveryOutcome
from server.jobs import Deliveries, delivery_queue
from server.outbound.posting import Answer, Poster
from server.settings import read_settings
from server.starting import running_service
from tests.support.webhooks import NETWORKS

_SENT = Answer(DeliveryOutcome.DELIVERED, 200)
# So long that most kills fall between the note and the request.
_EARLY_SECONDS = 0.2
_plain_next = delivery_queue.next_event
_plain_note = delivery_queue.note


async def _note_early(webhook: models.Webhook) -> models.WebhookEvent | None:
    event = await _plain_next(webhook)
    if event is not None:
        await _plain_note(webhook, event, _SENT, timedelta(seconds=1))
        await asyncio.sleep(_EARLY_SECONDS)
    return event


async def _take_any(
    tenant_id: UUID, webhook_id: UUID, instance: UUID, lasts: timedelta
) -> models.Webhook | None:
    return await models.Webhook.get_or_none(tenant_id=tenant_id, id=webhook_id)


async def _note_any(
    webhook: models.Webhook, event: models.WebhookEvent, answer: Answer, lasts: timedelta
) -> models.Webhook | None:
    row = await models.Webhook.get(tenant_id=webhook.tenant_id, id=webhook.id)
    row.sent_number = event.number
    row.due_at = models.now() if row.waiting else None
    await row.write("sent_number", "due_at")
    return row


async def _work(url: str, lease_seconds: float) -> None:
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    async with running_service(read_settings({"TESSERA_DATABASE_URL": url})) as service:
        lease = timedelta(seconds=lease_seconds)
        deliveries = Deliveries(
            service, Poster(NETWORKS, answer_seconds=lease_seconds / 2), 0.05, lease
        )
        deliveries.start()
        await ending.wait()
        await deliveries.close()


def main(arguments: Sequence[str]) -> int:
    """Work until SIGTERM."""
    url, lease_seconds, *fault = arguments
    if fault == ["early"]:
        delivery_queue.next_event = _note_early
    if fault == ["unleased"]:
        delivery_queue.take, delivery_queue.note = _take_any, _note_any
    asyncio.run(_work(url, float(lease_seconds)))
    return 0
