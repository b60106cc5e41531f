"""The queue of deliveries: the webhooks that are due, the instances that send, and the outcome of
each attempt.

A webhook is leased to one instance at a time, by the database's clock, so that its events are sent
one by one and in order. Only the holder of the lease records an attempt. If an instance dies in
between, another one sends the event again, with the same id.
"""

import random
from datetime import datetime, timedelta
from uuid import UUID

import models
from models import ActivityKind, DeliveryOutcome, WebhookPauseReason, WebhookState
from server.access.activity import record
from server.access.events import change_of, values_of
from server.access.principal import SYSTEM
from server.access.tenancy import not_suspended
from server.database import database_now, retried, transaction
from server.jobs.due_work import is_free
from server.outbound.posting import Answer

# After each failed attempt; after the last one the webhook is paused. About three days.
WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 5 * 60, 30 * 60, *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24)))
)
# So that receivers which failed together are not tried together.
_JITTER = (0.8, 1.2)
_GONE = 410


async def due(limit: int) -> list[tuple[UUID, UUID]]:
    """The webhooks, with their tenants, whose next attempt is due, the longest due first.

    Those of suspended tenants wait.
    """
    at = await database_now()
    # exempt queries_without_a_tenant: the queue of all tenants; its index holds due webhooks alone
    queue = models.Webhook.filter(is_free(at), not_suspended(), due_at__lte=at).order_by("due_at")
    found = await queue.limit(limit).only("tenant_id", "id")
    return [(webhook.tenant_id, webhook.id) for webhook in found]


async def longest_due(at: datetime) -> models.Webhook | None:
    """The webhook whose next attempt has been due for longest, of those that no instance sends to
    now.

    Those of suspended tenants wait, and are not late.
    """
    # exempt queries_without_a_tenant: the queue of all tenants; its index holds due ones alone
    queue = models.Webhook.filter(is_free(at), not_suspended(), due_at__lte=at).order_by("due_at")
    return await queue.only("due_at").first()


@retried
async def take(
    tenant_id: UUID, webhook_id: UUID, instance: UUID, lasts: timedelta
) -> models.Webhook | None:
    """Lease a webhook that is due; None if it is not any more, or if another instance has it."""
    async with transaction():
        at = await database_now()
        own = models.Webhook.filter(
            is_free(at), not_suspended(), tenant_id=tenant_id, id=webhook_id
        )
        webhook = await own.filter(due_at__lte=at).select_for_update().get_or_none()
        if webhook is not None:
            webhook.lease_holder, webhook.leased_until = instance, at + lasts
            await webhook.write("lease_holder", "leased_until")
    return webhook


async def next_event(webhook: models.Webhook) -> models.WebhookEvent | None:
    """The first of its events that waits."""
    own = models.WebhookEvent.filter(tenant_id=webhook.tenant_id, webhook_id=webhook.id)
    return await own.filter(number__gt=webhook.sent_number).order_by("number").first()


@retried
async def note(
    webhook: models.Webhook, event: models.WebhookEvent, answer: Answer, lasts: timedelta
) -> models.Webhook | None:
    """Record the outcome of an attempt, and keep the lease. Returns None if the lease has ended.

    webhook: as it was when the event was read. Returns it as it is now.
    """
    async with transaction():
        at = await database_now()
        now = await _held(webhook, at)
        if now is None:
            return None
        before = values_of(now)
        await _log(now, event, answer, at)
        if answer.outcome is DeliveryOutcome.DELIVERED:
            # Unless a replay has set it back meanwhile.
            if now.sent_number == webhook.sent_number:
                now.sent_number = event.number
            now.failures = 0
            now.due_at = at if now.waiting else None
        else:
            _note_failure(now, answer, at)
        if now.state is WebhookState.PAUSED:
            now.due_at = None
        now.leased_until = at + lasts
        columns = ("sent_number", "failures", "due_at", "leased_until")
        await now.write(*columns, "state", "pause_reason", "paused_at")
        if values_of(now) != before:
            await record(SYSTEM, ActivityKind.WEBHOOK_SET, now, **change_of(now, before))
    return now


async def _log(
    webhook: models.Webhook, event: models.WebhookEvent, answer: Answer, at: datetime
) -> None:
    await models.WebhookDelivery.create(
        tenant_id=webhook.tenant_id,
        webhook_id=webhook.id,
        event_id=event.event_id,
        type=event.type,
        attempt=webhook.failures + 1,
        outcome=answer.outcome,
        status=answer.status,
        milliseconds=answer.milliseconds,
        created_at=at,
    )


@retried
async def settle(webhook: models.Webhook) -> None:
    """Note that no event waits: their numbers may have been deleted with old events."""
    async with transaction():
        now = await _held(webhook, await database_now())
        if now is not None and await next_event(now) is None:
            now.sent_number, now.due_at = now.last_number, None
            await now.write("sent_number", "due_at")


async def give_up(webhook: models.Webhook) -> None:
    """End the lease, so that another instance can go on at once."""
    own = models.Webhook.filter(tenant_id=webhook.tenant_id, id=webhook.id)
    await own.filter(lease_holder=webhook.lease_holder).update(lease_holder=None, leased_until=None)


async def _held(webhook: models.Webhook, at: datetime) -> models.Webhook | None:
    """The webhook's row, locked, if the lease that `webhook` was taken under still lasts."""
    own = models.Webhook.filter(tenant_id=webhook.tenant_id, id=webhook.id, leased_until__gt=at)
    leased = own.filter(lease_holder=webhook.lease_holder)
    return await leased.select_for_update().get_or_none()


def _note_failure(webhook: models.Webhook, answer: Answer, at: datetime) -> None:
    webhook.failures += 1
    is_last = webhook.failures > len(WAITS)
    if answer.status == _GONE or is_last:
        gone = answer.status == _GONE
        webhook.state, webhook.paused_at = WebhookState.PAUSED, at
        webhook.pause_reason = WebhookPauseReason.GONE if gone else WebhookPauseReason.FAILED
        return
    wait = WAITS[webhook.failures - 1] * random.uniform(*_JITTER)  # noqa: S311 - no secret
    webhook.due_at = at + max(wait, timedelta(seconds=answer.retry_after_seconds or 0))
