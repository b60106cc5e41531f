"""The queue of deliveries: its schedule, its leases, and its deletions."""

from datetime import timedelta
from uuid import UUID

import models
from models import DeliveryOutcome, WebhookPauseReason, WebhookState
from server.jobs import delivery_queue
from server.jobs.delivery_queue import WAITS
from server.outbound.posting import Answer
from server.service import Service
from tests.support.factories import World
from tests.support.waiting import until
from tests.support.webhooks import (
    Receiver,
    attempts_of,
    delivering,
    hook,
    make_due,
    receiving,
    row_of,
)

_LEASE = timedelta(seconds=60)
_DAY = timedelta(days=1)
_FAILURE = Answer(DeliveryOutcome.REFUSED, 500)
_SUCCESS = Answer(DeliveryOutcome.DELIVERED, 200)


class _Queue:
    """A webhook with events, of which a test notes the outcomes itself."""

    def __init__(self, webhook: models.Webhook) -> None:
        self.webhook = webhook
        self.instance = models.new_id()

    async def take(self, instance: UUID | None = None) -> models.Webhook | None:
        await make_due(self.webhook)
        key = self.webhook.tenant_id, self.webhook.id
        return await delivery_queue.take(*key, instance or self.instance, _LEASE)

    async def attempt(self, answer: Answer) -> tuple[models.Webhook, timedelta]:
        """An attempt with that outcome; gives the webhook then, and how long the next waits."""
        taken = await self.take()
        assert taken is not None
        event = await delivery_queue.next_event(taken)
        assert event is not None
        at = models.now()
        noted = await delivery_queue.note(taken, event, answer, _LEASE)
        assert noted is not None
        await delivery_queue.give_up(taken)
        return noted, (noted.due_at or at) - at


async def _queue(service: Service, world: World, events: int = 1) -> _Queue:
    person = await world.person()
    made = await hook(service, person, Receiver(port=9999))
    for number in range(events):
        await world.token(person, f"token {number}")
    return _Queue(await row_of(made.webhook))


async def test_attempts_follow_the_schedule_for_three_days_then_the_webhook_is_paused(
    service: Service, world: World
) -> None:
    queue = await _queue(service, world)
    total, waits = timedelta(), list[float]()
    for number, planned in enumerate(WAITS, 1):
        row, wait = await queue.attempt(_FAILURE)
        assert 0.79 * planned <= wait <= 1.21 * planned + timedelta(seconds=1), number
        assert (row.state, row.failures) == (WebhookState.ACTIVE, number)
        total, waits = total + planned, [*waits, wait / planned]
    assert timedelta(days=3) < total < timedelta(days=3.5)
    assert len({round(wait, 3) for wait in waits}) > 3  # with jitter
    row, _ = await queue.attempt(_FAILURE)
    assert (row.state, row.pause_reason) == (WebhookState.PAUSED, WebhookPauseReason.FAILED)
    assert row.due_at is None
    assert row.paused_at is not None
    assert row.waiting == 1
    # The pause is activity, by the server itself.
    of_it = models.Activity.filter(tenant_id=row.tenant_id, subject_id=row.id)
    [paused] = await of_it.filter(kind=models.ActivityKind.WEBHOOK_SET)
    assert paused.actor_kind is models.ActorKind.SYSTEM
    assert (paused.details["previousState"], paused.details["state"]) == ("ACTIVE", "PAUSED")
    assert paused.details["pauseReason"] == "FAILED"


async def test_replay_during_an_attempt_is_not_lost(service: Service, world: World) -> None:
    queue = await _queue(service, world, events=3)
    for _ in range(2):
        await queue.attempt(_SUCCESS)
    taken = await queue.take()
    assert taken is not None
    event = await delivery_queue.next_event(taken)
    assert event is not None
    assert event.number == 3
    own = models.Webhook.filter(tenant_id=taken.tenant_id, id=taken.id)
    await own.update(sent_number=0)  # as a replay does
    noted = await delivery_queue.note(taken, event, _SUCCESS, _LEASE)
    assert noted is not None
    assert (noted.sent_number, noted.waiting) == (0, 3)
    assert noted.due_at is not None


async def test_only_the_holder_of_the_lease_notes_an_attempt(
    service: Service, world: World
) -> None:
    queue = await _queue(service, world)
    taken, other = await queue.take(), models.new_id()
    assert taken is not None
    assert await queue.take(other) is None
    event = await delivery_queue.next_event(taken)
    assert event is not None
    own = models.Webhook.filter(tenant_id=taken.tenant_id, id=taken.id)
    await own.update(leased_until=models.now() - timedelta(seconds=1))
    assert await delivery_queue.note(taken, event, _SUCCESS, _LEASE) is None
    assert await queue.take(other)
    assert await delivery_queue.note(taken, event, _SUCCESS, _LEASE) is None
    assert await attempts_of(taken) == []
    assert (await row_of(taken)).waiting == 1


async def test_numbers_of_deleted_events_are_passed_over(service: Service, world: World) -> None:
    person, receiver = await world.person(), Receiver()
    async with receiving(receiver):
        made = await hook(service, person, receiver)
        for number in range(3):
            await world.token(person, f"token {number}")
        of_tenant = models.WebhookEvent.filter(tenant_id=made.webhook.tenant_id)
        await of_tenant.filter(number__in=[1, 3]).delete()
        async with delivering(service):
            await receiver.has(1)

            async def is_done() -> bool:
                row = await row_of(made.webhook)
                return row.waiting == 0 and row.due_at is None

            await until(is_done)
    assert [one.content["data"]["token"]["name"] for one in receiver.got] == ["token 1"]
