"""Sends waiting events to their webhooks, in any instance, as `delivery_queue` leases them."""

import asyncio
import time
from datetime import timedelta
from uuid import UUID

import models
from models import DeliveryOutcome
from server.access.webhook_secrets import opened_secret
from server.jobs import delivery_queue as queue
from server.jobs.due_work import LOOK_EVERY_SECONDS, DueWork
from server.monitoring.metrics import WEBHOOK_ATTEMPTS
from server.monitoring.tracing import DeliverySpan
from server.outbound.posting import Answer, Poster
from server.outbound.signing import signed_headers
from server.service import Service

# At once, in this instance: slow receivers take no more than these, and a tenant its share.
MAX_AT_ONCE = 64
MAX_OF_TENANT = 4
LEASE = timedelta(seconds=60)  # longer than an attempt takes
# Then a webhook with more events goes to the end of the queue.
_TURN_SECONDS = 10.0
_Key = tuple[UUID, UUID]


class Deliveries:
    """The deliveries of one instance. Looks every second for webhooks that are due.

    lease: how long another instance waits for one that died.
    """

    def __init__(
        self,
        service: Service,
        poster: Poster | None = None,
        look_every_seconds: float = LOOK_EVERY_SECONDS,
        lease: timedelta = LEASE,
    ) -> None:
        self._service = service
        self._poster = poster or Poster(service.settings.webhook_networks)
        self._lease = lease
        self._instance = models.new_id()
        at_once = (MAX_AT_ONCE, MAX_OF_TENANT)
        self._work = DueWork("webhooks", queue.due, self._send_all, at_once, look_every_seconds)

    def start(self) -> None:
        """Begin to look, in a task of the running event loop."""
        self._work.start()

    async def close(self) -> None:
        """End after the attempts under way. Another instance repeats an attempt that takes too
        long.
        """
        await self._work.close()
        self._poster.close()

    async def _send_all(self, key: _Key) -> None:
        """Send the waiting events of one webhook, for a turn at most or until an attempt fails."""
        async with self._work.database:
            webhook = await queue.take(*key, self._instance, self._lease)
        if webhook is None:
            return
        secret = opened_secret(self._service.digest_key, webhook)
        try:
            await self._send_leased(webhook, secret)
        finally:
            # After a cancellation too: another instance then goes on at once.
            await asyncio.shield(queue.give_up(webhook))

    async def _send_leased(self, webhook: models.Webhook, secret: bytes) -> None:
        until = time.monotonic() + _TURN_SECONDS
        while not self._work.is_ending and time.monotonic() < until:
            async with self._work.database:
                event = await queue.next_event(webhook)
                if event is None:
                    await queue.settle(webhook)
                    return
            answer = await self._send(webhook, secret, event)
            async with self._work.database:
                noted = await queue.note(webhook, event, answer, self._lease)
            if noted is None or noted.due_at is None or noted.failures:
                return
            webhook = noted

    async def _send(
        self, webhook: models.Webhook, secret: bytes, event: models.WebhookEvent
    ) -> Answer:
        body = event.body.encode()
        span = DeliverySpan(self._service.tracer, webhook.tenant_id)
        headers = signed_headers(secret, event.event_id, int(time.time()), body)
        answer = await self._poster.post(webhook.url, {**headers, **span.headers}, body)
        is_delivered = answer.outcome is DeliveryOutcome.DELIVERED
        span.end(answer.outcome.value, answer.status, is_delivered=is_delivered)
        WEBHOOK_ATTEMPTS.labels(answer.outcome.value).inc()
        return answer
