"""Changes of webhooks are activity, with the previous and the new values and no secret."""

import json
from typing import Any

import pytest

import models
from models import ActivityKind, WebhookState
from server.errors import InvalidInput
from server.global_ids import encode_id
from server.operations import webhooks
from server.service import Service
from tests.support.factories import Client, Person, World

_OLD, _NEW = "https://old.example.com/", "https://new.example.com/"


@pytest.fixture
async def person(world: World) -> Person:
    return await world.person()


async def _trail(person: Person) -> list[models.Activity]:
    return await models.Activity.filter(tenant_id=person.admin.tenant_id).order_by("id")


async def _create(service: Service, person: Person) -> webhooks.CreatedWebhook:
    return await webhooks.create(person.principal, service, url=_OLD, wanted=["token.*"])


async def test_only_what_changes_a_webhook_is_activity(service: Service, person: Person) -> None:
    made = await _create(service, person)
    who, webhook_id = person.principal, made.webhook.id
    await webhooks.set_webhook(who, service, webhook_id, url=_OLD, wanted=["token.*"])
    await webhooks.set_webhook(who, service, webhook_id, state=WebhookState.ACTIVE)
    await webhooks.set_webhook(who, service, webhook_id, state=WebhookState.PAUSED)
    with pytest.raises(InvalidInput):
        await webhooks.test(who, webhook_id)
    rows = await _trail(person)
    assert [row.kind for row in rows] == [ActivityKind.WEBHOOK_CREATED, ActivityKind.WEBHOOK_SET]
    assert [row.subject_id for row in rows] == [webhook_id] * 2
    assert rows[0].details == {"url": _OLD, "events": ["token.*"]}
    assert rows[1].details == {
        "previousUrl": _OLD, "previousEvents": ["token.*"], "previousState": "ACTIVE",
        "previousPauseReason": None, "url": _OLD, "events": ["token.*"], "state": "PAUSED",
        "pauseReason": "BY_ADMIN",
    }  # fmt: skip
    assert made.secret not in json.dumps([row.details for row in rows])


async def test_api_shows_the_activity_of_a_webhook_also_once_it_is_removed(
    service: Service, client: Client, person: Person
) -> None:
    made = await _create(service, person)
    shown = encode_id("Webhook", made.webhook.id)
    mine = client.of(person)
    changed = {"url": _NEW, "events": ["*"]}
    assert "webhook" in await mine.mutate("setWebhook", _WEBHOOK, webhookId=shown, **changed)
    since = "2026-01-01T00:00:00Z"
    await mine.mutate("replayWebhook", webhookId=shown, since=since)
    entries = await _entries(mine, shown)
    assert [entry["webhook"] for entry in entries] == [{"id": shown}] * 3
    await mine.mutate("removeWebhook", webhookId=shown)
    removed, replayed, was_set, created = await _entries(mine, shown)
    of_it = {"actorKind": "ADMIN", "webhook": None, "token": None, "admin": None}
    assert created == of_it | {"__typename": "WebhookCreated", "url": _OLD, "events": ["token.*"]}
    assert was_set == of_it | {
        "__typename": "WebhookSet", "previousUrl": _OLD, "url": _NEW, "events": ["*"],
        "previousEvents": ["token.*"], "previousState": "ACTIVE", "state": "ACTIVE",
        "pauseReason": None,
    }  # fmt: skip
    assert replayed == of_it | {"__typename": "WebhookReplayed", "url": _NEW, "since": since}
    assert removed == of_it | {"__typename": "WebhookRemoved", "url": _NEW}


_WEBHOOK = "... on SetWebhookPayload { webhook { id } }"
_ENTRIES = """query ($id: ID!) { activity(filter: {subjectId: $id}) { edges { node {
    __typename actorKind token { id } admin { id }
    ... on WebhookActivity { url webhook { id } }
    ... on WebhookCreated { events }
    ... on WebhookSet { previousUrl previousEvents events previousState state pauseReason }
    ... on WebhookReplayed { since } } } } }"""


async def _entries(client: Client, webhook_id: str) -> list[dict[str, Any]]:
    data = await client.data(_ENTRIES, id=webhook_id)
    return [edge["node"] for edge in data["activity"]["edges"]]
