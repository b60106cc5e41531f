"""The outbox: events for webhooks, kept in the transaction of the change that they report.

An event is kept if and only if the change is committed. `server.jobs` sends events.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

import models
from models import WebhookState
from server.access.events import Event, body_of, events_in, is_wanted, tokens_in, types_of
from server.access.reading import rows
from server.database import database_now

# Of one webhook. Further events are dropped and counted: an outbox must not fill the disk.
MAX_WAITING = 10_000
_ROWS_AT_ONCE = 500


async def locked_for(activities: Sequence[models.Activity]) -> list[models.Webhook]:
    """Lock the webhooks that ask for events of these activities of one tenant, for `hand_on`.

    They stay locked until the end of the transaction, so that the order of the numbers of events is
    the order of the commits.
    """
    types = {of_type for row in activities for of_type in types_of(row)}
    return await _locked(activities[0].tenant_id, types) if types else []


async def hand_on(
    activities: Sequence[models.Activity], listening: Sequence[models.Webhook]
) -> None:
    """Keep the events of these activities of one tenant for its webhooks from `locked_for`.

    Call it where they are written, in that transaction: the rows have their ids and instants.
    """
    if listening:
        names = await _names_of(activities[0].tenant_id, list(tokens_in(activities)))
        await _put(listening, list(events_in(activities, names)))


async def put(tenant_id: UUID, events: Sequence[Event]) -> None:
    """Keep events for each of the tenant's webhooks that asks for them, in their order.

    Locks the rows of these webhooks as `locked_for` does.
    """
    await _put(await _locked(tenant_id, {event.type for event in events}), events)


async def _locked(tenant_id: UUID, types: Collection[str]) -> list[models.Webhook]:
    """The tenant's webhooks that ask for events of any of these types, locked."""
    # Not the sealed secret: each change of a tenant looks here.
    every = await rows(models.Webhook, only=("id", "events"), tenant_id=tenant_id)
    ids = [one.id for one in every if any(is_wanted(one, of_type) for of_type in types)]
    if not ids:
        return []
    wanting = models.Webhook.filter(tenant_id=tenant_id, id__in=ids).order_by("id")
    return await wanting.select_for_update()


async def _names_of(tenant_id: UUID, token_ids: Sequence[UUID]) -> dict[UUID, str]:
    names: dict[UUID, str] = {}
    for start in range(0, len(token_ids), _ROWS_AT_ONCE):
        portion = token_ids[start : start + _ROWS_AT_ONCE]
        tokens = models.Token.filter(tenant_id=tenant_id, id__in=portion)
        names |= {token.id: token.name for token in await tokens.only("id", "name")}
    return names


async def _put(webhooks: Sequence[models.Webhook], events: Sequence[Event]) -> None:
    for webhook in webhooks:
        await put_for(webhook, [event for event in events if is_wanted(webhook, event.type)])


async def put_for(webhook: models.Webhook, events: Sequence[Event]) -> None:
    """Keep events for one webhook, whose row is locked."""
    # By the database's clock, so that a later number never has an earlier instant.
    at = await database_now()
    room = MAX_WAITING - webhook.waiting
    kept = events[: max(room, 0)]
    webhook.dropped += len(events) - len(kept)
    made = [
        models.WebhookEvent(
            tenant_id=webhook.tenant_id,
            webhook_id=webhook.id,
            number=number,
            event_id=event.id,
            type=event.type,
            body=body_of(event),
            created_at=at,
        )
        for number, event in enumerate(kept, webhook.last_number + 1)
    ]
    webhook.last_number += len(made)
    if made and webhook.state is WebhookState.ACTIVE and webhook.due_at is None:
        webhook.due_at = at
    await webhook.write("last_number", "dropped", "due_at")
    await models.WebhookEvent.bulk_create(made, batch_size=_ROWS_AT_ONCE)
