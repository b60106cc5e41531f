"""The activity of webhooks: the types of its kinds."""

from collections.abc import Sequence

import strawberry

import models
from models import ActivityKind, WebhookPauseReason, WebhookState
from server.graphql.activity_basics import Activity, detail, instant
from server.graphql.basics import DateTime
from server.graphql.context import Context
from server.graphql.loading import loaded
from server.graphql.nodes import Node
from server.graphql.webhooks import Webhook, find_webhooks
from server.graphql.weights import counts_as

_EVENTS = counts_as(5)


async def _load_webhooks(context: Context, rows: Sequence[models.Activity]) -> list[Webhook | None]:
    found = await context.load_distinct(find_webhooks, (row.subject_id for row in rows))
    return [found[row.subject_id] for row in rows]


@strawberry.interface(description="A change of a webhook.")
class WebhookActivity(Activity):
    webhook: Webhook | None = loaded(
        _load_webhooks, description="The webhook concerned. Null once it is removed."
    )
    url: str = detail("url", description="Where events were sent from then on, or until then.")


@strawberry.type(description="A webhook was created.")
class WebhookCreated(WebhookActivity, Node):
    events: list[str] = detail(
        "events", description="The types of events that it gets.", metadata=_EVENTS
    )


@strawberry.type(
    description="The address, the events or the state of a webhook was changed: by an admin, or by"
    " this server, which pauses a webhook that fails."
)
class WebhookSet(WebhookActivity, Node):
    previous_url: str = detail("previousUrl", description="The previous address.")
    previous_events: list[str] = detail(
        "previousEvents", description="The types of events that it got.", metadata=_EVENTS
    )
    events: list[str] = detail(
        "events", description="The types of events that it gets.", metadata=_EVENTS
    )
    previous_state: WebhookState = detail(
        "previousState", WebhookState, description="The previous state."
    )
    state: WebhookState = detail("state", WebhookState, description="The new state.")
    pause_reason: WebhookPauseReason | None = detail(
        "pauseReason", WebhookPauseReason, description="Why it is paused; null if it is not."
    )


@strawberry.type(description="A test event was sent to a webhook.")
class WebhookTested(WebhookActivity, Node):
    pass


@strawberry.type(description="The events since an instant were sent to a webhook once more.")
class WebhookReplayed(WebhookActivity, Node):
    since: DateTime = detail("since", instant, description="The instant of the first event.")


@strawberry.type(description="A webhook was removed.")
class WebhookRemoved(WebhookActivity, Node):
    pass


WEBHOOK_TYPES: dict[ActivityKind, type[WebhookActivity]] = {
    ActivityKind.WEBHOOK_CREATED: WebhookCreated,
    ActivityKind.WEBHOOK_SET: WebhookSet,
    ActivityKind.WEBHOOK_TESTED: WebhookTested,
    ActivityKind.WEBHOOK_REPLAYED: WebhookReplayed,
    ActivityKind.WEBHOOK_REMOVED: WebhookRemoved,
}
