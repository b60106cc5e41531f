"""Webhooks: the types, and the queries that return them."""

from collections.abc import Sequence
from dataclasses import field
from typing import Any
from uuid import UUID

import strawberry
from strawberry import UNSET

import models
from models import DeliveryOutcome, WebhookPauseReason, WebhookState
from server.access.events import events_of
from server.global_ids import encode_id
from server.graphql.admins import Admin, find_admins
from server.graphql.basics import DateTime, described, given
from server.graphql.connection import After, Connection, First, connection
from server.graphql.context import Context, Info
from server.graphql.loading import load_selected, loaded
from server.graphql.nodes import Node, finds
from server.graphql.weights import PAGED, counts_as
from server.operations import webhooks
from server.paging import page_request

DELIVERIES = "deliveries"
described(
    WebhookState,
    "Whether events are sent to a webhook.",
    ACTIVE="They are sent as they happen.",
    PAUSED="They wait until the webhook is resumed.",
)
described(
    WebhookPauseReason,
    "Why a webhook is paused.",
    BY_ADMIN="An admin paused it.",
    FAILED="An event could not be delivered for about three days.",
    GONE="Its receiver answered 410: it wants no more events.",
)
described(
    DeliveryOutcome,
    "The outcome of an attempt to deliver an event.",
    DELIVERED="The receiver answered 2xx.",
    REFUSED="The receiver answered another status.",
    REDIRECTED="The receiver answered with a redirect, which is not followed.",
    TIMED_OUT="The receiver did not answer in time.",
    UNREACHABLE="No connection to the receiver was made, or it broke.",
    ADDRESS_NOT_ALLOWED="The host has an address that this server does not connect to.",
    TLS_FAILED="The receiver's certificate was not accepted, or it does not speak TLS.",
    NO_HTTP="The receiver's answer was not HTTP.",
)


@strawberry.type(
    description="An attempt to deliver an event. It is kept for 30 days unless the operator sets"
    " another time."
)
class WebhookDelivery(Node):
    event_id: str = strawberry.field(
        description="The event's id, which stays the same at each attempt: `webhook-id`."
    )
    event_type: str = strawberry.field(description="The event's type, such as `token.created`.")
    attempted_at: DateTime = strawberry.field(description="When it was recorded.")
    attempt: int = strawberry.field(description="Which attempt it was since the last success.")
    outcome: DeliveryOutcome = strawberry.field(description="How it ended.")
    status: int | None = strawberry.field(
        description="The HTTP status of the answer; null if there was none."
    )
    milliseconds: int = strawberry.field(description="How long it took.")
    row: strawberry.Private[models.WebhookDelivery]


def shown_delivery(row: models.WebhookDelivery) -> WebhookDelivery:
    """Map a delivery to its GraphQL type."""
    return WebhookDelivery(
        id=strawberry.ID(encode_id("WebhookDelivery", row.id)),
        event_id=row.event_id,
        event_type=row.type,
        attempted_at=DateTime(row.created_at),
        attempt=row.attempt,
        outcome=row.outcome,
        status=row.status,
        milliseconds=row.milliseconds,
        row=row,
    )


WebhookDeliveryConnection = Connection[WebhookDelivery]


async def _load_creators(context: Context, rows: Sequence[models.Webhook]) -> list[Admin | None]:
    found = await context.load_distinct(find_admins, (row.created_by_id for row in rows))
    return [found[row.created_by_id] for row in rows]


async def _deliveries(
    root: "Webhook", info: Info, first: First = UNSET, after: After = UNSET
) -> WebhookDeliveryConnection:
    request = page_request(DELIVERIES, given(first), given(after))
    page = await webhooks.deliveries(info.context.principal, root.row.id, request)
    return connection(DELIVERIES, page, [shown_delivery(row) for row in page.rows])


@strawberry.type(description="An address that events are sent to, by Standard Webhooks 1.0.")
class Webhook(Node):
    url: str = strawberry.field(description="Where events are sent.")
    events: list[str] = strawberry.field(
        description="The types of its events, families such as `token.*`, or `*`.",
        metadata=counts_as(5),
    )
    state: WebhookState = strawberry.field(description="Whether events are sent, or wait.")
    pause_reason: WebhookPauseReason | None = strawberry.field(
        description="Why it is paused. Null if it is not."
    )
    paused_at: DateTime | None = strawberry.field(
        description="Since when it is paused; null if it is not."
    )
    created_at: DateTime = strawberry.field(description="When it was created.")
    created_by: Admin | None = loaded(
        _load_creators, description="The admin who created it, also once they are removed."
    )
    waiting_event_count: int = strawberry.field(description="How many events are still to be sent.")
    dropped_event_count: int = strawberry.field(
        description="How many events were dropped because 10,000 waited already."
    )
    failed_attempt_count: int = strawberry.field(
        description="How many attempts to deliver the next event have failed."
    )
    next_attempt_at: DateTime | None = strawberry.field(
        description="When the next attempt is due; null if no event waits, or while it is paused."
    )
    deliveries: WebhookDeliveryConnection = strawberry.field(
        resolver=_deliveries,
        description="The attempts that are kept, newest first.",
        metadata=PAGED,
    )
    row: strawberry.Private[models.Webhook]
    loaded_values: strawberry.Private[dict[str, Any]] = field(default_factory=dict)


def shown_webhook(row: models.Webhook) -> Webhook:
    """Map a webhook to its GraphQL type."""
    return Webhook(
        id=strawberry.ID(encode_id("Webhook", row.id)),
        url=row.url,
        events=events_of(row),
        state=row.state,
        pause_reason=row.pause_reason,
        paused_at=DateTime(row.paused_at) if row.paused_at else None,
        created_at=DateTime(row.created_at),
        waiting_event_count=row.waiting,
        dropped_event_count=row.dropped,
        failed_attempt_count=row.failures,
        next_attempt_at=DateTime(row.due_at) if row.due_at else None,
        row=row,
    )


@finds(Webhook)
async def find_webhooks(context: Context, ids: Sequence[UUID]) -> list[Webhook | None]:
    """Return the webhooks of these ids, None for those that are not the tenant's."""
    rows = await webhooks.find_many(context.principal, ids)
    return [shown_webhook(rows[one]) if one in rows else None for one in ids]


@finds(WebhookDelivery)
async def find_deliveries(context: Context, ids: Sequence[UUID]) -> list[WebhookDelivery | None]:
    """Return the deliveries of these ids, None for those that are not the tenant's."""
    rows = await webhooks.find_deliveries(context.principal, ids)
    return [shown_delivery(rows[one]) if one in rows else None for one in ids]


async def list_webhooks(info: Info) -> list[Webhook]:
    """List the tenant's webhooks, oldest first."""
    shown = [shown_webhook(row) for row in await webhooks.every(info.context.principal)]
    await load_selected(info, shown)
    return shown
