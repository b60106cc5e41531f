"""Changing webhooks: inputs, results and mutations. The logic is in `operations.webhooks`."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from models import WebhookState
from server.global_ids import id_of
from server.graphql.basics import DateTime, given
from server.graphql.context import Info
from server.graphql.problems import InvalidInput, NotFound
from server.graphql.webhooks import Webhook, shown_webhook
from server.operations import webhooks

_INPUT = strawberry.argument(description="The change and its values.")
_WEBHOOK_ID = "The webhook's global id."
_URL = (
    "Where events are sent: `https://` and a public host, without a password. The operator may"
    " allow other networks."
)
_EVENTS = "The types of events, families such as `token.*`, or `*` for all: 1 to 50."


@strawberry.input(description="The webhook to create.")
class CreateWebhookInput:
    url: str = strawberry.field(description=_URL)
    events: list[str] = strawberry.field(description=_EVENTS)


@strawberry.input(description="The changes of a webhook. What is left out stays.")
class SetWebhookInput:
    webhook_id: strawberry.ID = strawberry.field(description=_WEBHOOK_ID)
    url: str | None = strawberry.field(description=_URL, default=UNSET)
    events: list[str] | None = strawberry.field(description=_EVENTS, default=UNSET)
    state: WebhookState | None = strawberry.field(
        description="Pause it, or resume it: then the events that wait are sent at once.",
        default=UNSET,
    )


@strawberry.input(description="The webhook to test.")
class TestWebhookInput:
    webhook_id: strawberry.ID = strawberry.field(description=_WEBHOOK_ID)


@strawberry.input(description="The webhook whose events to send once more.")
class ReplayWebhookInput:
    webhook_id: strawberry.ID = strawberry.field(description=_WEBHOOK_ID)
    since: DateTime = strawberry.field(
        description="The instant of the first event: of those that are kept, with at most 10,000"
        " events since."
    )


@strawberry.input(description="The webhook to remove.")
class RemoveWebhookInput:
    webhook_id: strawberry.ID = strawberry.field(description=_WEBHOOK_ID)


@strawberry.type(description="A new webhook.")
class CreateWebhookPayload:
    webhook: Webhook = strawberry.field(description="The webhook.")
    secret: str = strawberry.field(
        description="The secret by which its receiver verifies events. It is shown only here."
    )


@strawberry.type(description="The changed webhook.")
class SetWebhookPayload:
    webhook: Webhook = strawberry.field(description="The webhook.")


@strawberry.type(description="A test event waits to be sent.")
class TestWebhookPayload:
    webhook: Webhook = strawberry.field(description="The webhook.")


@strawberry.type(description="The events since an instant wait to be sent once more.")
class ReplayWebhookPayload:
    webhook: Webhook = strawberry.field(description="The webhook.")


@strawberry.type(description="The webhook was removed.")
class RemoveWebhookPayload:
    webhook_id: strawberry.ID = strawberry.field(description="The removed webhook's global id.")


CreateWebhookResult = Annotated[
    CreateWebhookPayload | InvalidInput,
    strawberry.union("CreateWebhookResult", description="A new webhook, or why there is none."),
]
SetWebhookResult = Annotated[
    SetWebhookPayload | InvalidInput | NotFound,
    strawberry.union("SetWebhookResult", description="The webhook, or why it is unchanged."),
]
TestWebhookResult = Annotated[
    TestWebhookPayload | InvalidInput | NotFound,
    strawberry.union("TestWebhookResult", description="The webhook, or why it is not tested."),
]
ReplayWebhookResult = Annotated[
    ReplayWebhookPayload | InvalidInput | NotFound,
    strawberry.union("ReplayWebhookResult", description="The webhook, or why nothing is sent."),
]
RemoveWebhookResult = Annotated[
    RemoveWebhookPayload | NotFound,
    strawberry.union("RemoveWebhookResult", description="The removal, or why there is none."),
]


async def create_webhook(
    info: Info, input: Annotated[CreateWebhookInput, _INPUT]
) -> CreateWebhookResult:
    created = await webhooks.create(
        info.context.principal, info.context.service, url=input.url, wanted=input.events
    )
    return CreateWebhookPayload(webhook=shown_webhook(created.webhook), secret=created.secret)


async def set_webhook(info: Info, input: Annotated[SetWebhookInput, _INPUT]) -> SetWebhookResult:
    webhook = await webhooks.set_webhook(
        info.context.principal,
        info.context.service,
        id_of("Webhook", input.webhook_id),
        url=given(input.url),
        wanted=given(input.events),
        state=given(input.state),
    )
    return SetWebhookPayload(webhook=shown_webhook(webhook))


async def test_webhook(info: Info, input: Annotated[TestWebhookInput, _INPUT]) -> TestWebhookResult:
    webhook = await webhooks.test(info.context.principal, id_of("Webhook", input.webhook_id))
    return TestWebhookPayload(webhook=shown_webhook(webhook))


async def replay_webhook(
    info: Info, input: Annotated[ReplayWebhookInput, _INPUT]
) -> ReplayWebhookResult:
    webhook = await webhooks.replay(
        info.context.principal, id_of("Webhook", input.webhook_id), input.since
    )
    return ReplayWebhookPayload(webhook=shown_webhook(webhook))


async def remove_webhook(
    info: Info, input: Annotated[RemoveWebhookInput, _INPUT]
) -> RemoveWebhookResult:
    await webhooks.remove(info.context.principal, id_of("Webhook", input.webhook_id))
    return RemoveWebhookPayload(webhook_id=input.webhook_id)
