"""Events reach their webhooks: signed, in order, again after a failure, and once more on demand."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from standardwebhooks import WebhookVerificationError

import models
from models import DeliveryOutcome, WebhookPauseReason, WebhookState
from server.access import outbox
from server.access.events import MAX_BODY_BYTES
from server.errors import InvalidInput
from server.jobs import deliveries
from server.operations import tokens, webhooks
from server.outbound.posting import Answer, Poster
from server.service import Service
from tests.support.factories import World, token_id
from tests.support.webhooks import (
    NETWORKS,
    Receiver,
    attempts_of,
    delivering,
    has_tried,
    hook,
    make_due,
    receiving,
    row_of,
    verified,
)

_LEASE = timedelta(seconds=60)
_DAY = timedelta(days=1)
_FAILURE = Answer(DeliveryOutcome.REFUSED, 500)
_SUCCESS = Answer(DeliveryOutcome.DELIVERED, 200)


async def test_event_is_signed_by_standard_webhooks(service: Service, world: World) -> None:
    person, receiver = await world.person(), Receiver()
    async with receiving(receiver), delivering(service):
        made = await hook(service, person, receiver)
        token = (await world.token(person, "Nightly export")).token
        await receiver.has(1)
    [received] = receiver.got
    content = verified(made.secret, received)
    [row] = await models.Activity.filter(tenant_id=token.tenant_id, subject_id=token.id)
    assert content == {
        "type": "token.created",
        "timestamp": row.created_at.isoformat().replace("+00:00", "Z"),
        "data": {
            "sequence": row.sequence,
            "subject": {"kind": "TOKEN", "id": token_id(token)},
            "token": {"id": token_id(token), "name": "Nightly export"},
            "actor": {"kind": "ADMIN", "id": person.id, "name": None},
            "details": {},
        },
    }
    assert received.id == f"evt_{row.id.hex}"
    assert received.line == "POST /hook HTTP/1.1"
    assert received.headers["content-type"] == "application/json"
    altered = replace(received, body=received.body.replace(b"Nightly", b"nightly"))
    with pytest.raises(WebhookVerificationError):
        verified(made.secret, altered)


async def test_events_come_in_order_and_only_those_asked_for(
    service: Service, world: World
) -> None:
    person, every, some = await world.person(), Receiver(), Receiver(delay_seconds=0.01)
    async with receiving(every, some), delivering(service):
        await hook(service, person, every)
        await hook(service, person, some, ["token.renamed", "token.revoked"])
        token = (await world.token(person, "n")).token
        names = [f"name {number}" for number in range(20)]
        for name in names:
            await tokens.rename(person.principal, token.id, name)
        await tokens.revoke(person.principal, token.id)
        await every.has(22)
        await some.has(21)
    renamed = ["token.renamed"] * 20
    assert every.types == ["token.created", *renamed, "token.revoked"]
    assert some.types == [*renamed, "token.revoked"]
    assert [one.content["data"]["details"]["name"] for one in some.got[:-1]] == names
    # The same event has the same id at both.
    assert [one.id for one in some.got] == [one.id for one in every.got[1:]]


async def test_leaked_secret_is_told_of_as_a_leak_too(service: Service, world: World) -> None:
    person, receiver = await world.person(), Receiver()
    async with receiving(receiver), delivering(service):
        await hook(service, person, receiver, ["token.leaked", "token.revoked"])
        token = (await world.token(person)).token
        await tokens.revoke(person.principal, token.id, models.RevocationReason.COMPROMISED)
        await receiver.has(2)
    assert receiver.types == ["token.revoked", "token.leaked"]
    assert len({one.id for one in receiver.got}) == 2


async def test_tenants_are_told_of_their_own_changes_alone(service: Service, world: World) -> None:
    people = [await world.person() for _ in range(3)]
    receivers = [Receiver() for _ in people]
    async with receiving(*receivers), delivering(service):
        secrets = [
            (await hook(service, person, receiver)).secret
            for person, receiver in zip(people, receivers, strict=True)
        ]
        for number in range(3):
            for person in people:
                await world.token(person, f"{person.id} {number}")
        for receiver in receivers:
            await receiver.has(3)
        await asyncio.sleep(0.1)
    for person, receiver, secret in zip(people, receivers, secrets, strict=True):
        named = [verified(secret, one)["data"]["token"]["name"] for one in receiver.got]
        assert named == [f"{person.id} {number}" for number in range(3)]
        assert {one.content["data"]["actor"]["id"] for one in receiver.got} == {person.id}


async def test_change_that_is_undone_tells_nothing(service: Service, world: World) -> None:
    person, receiver = await world.person(), Receiver()
    async with receiving(receiver), delivering(service):
        await hook(service, person, receiver)
        with pytest.raises(InvalidInput):
            await world.token(person, "n", ["GET /no/such"])
        await world.token(person, "kept")
        await receiver.has(1)
    assert [one.content["data"]["token"]["name"] for one in receiver.got] == ["kept"]
    assert await models.WebhookEvent.filter(tenant_id=person.admin.tenant_id).count() == 1


async def test_no_event_is_kept_for_a_tenant_without_a_webhook_for_it(
    service: Service, world: World
) -> None:
    person, other, receiver = await world.person(), await world.person(), Receiver()
    async with receiving(receiver):
        await hook(service, other, receiver)
        await hook(service, person, receiver, ["token.revoked"])
        await world.token(person)
    assert not await models.WebhookEvent.all().exists()


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 429, 500, 503])
async def test_any_answer_but_2xx_is_a_failure(status: int, service: Service, world: World) -> None:
    person, elsewhere = await world.person(), Receiver()
    async with receiving(elsewhere):
        receiver = Receiver(status, more_headers=f"Location: {elsewhere.url}\r\n")
        async with receiving(receiver), delivering(service):
            made = await hook(service, person, receiver)
            await world.token(person)
            await has_tried(made.webhook, 1)
    [attempt] = await attempts_of(made.webhook)
    redirected = 300 <= status < 400
    outcome = DeliveryOutcome.REDIRECTED if redirected else DeliveryOutcome.REFUSED
    assert (attempt.outcome, attempt.status, attempt.attempt) == (outcome, status, 1)
    assert elsewhere.got == []
    row = await row_of(made.webhook)
    assert (row.failures, row.waiting, row.state) == (1, 1, WebhookState.ACTIVE)


async def test_failed_event_is_sent_again_with_the_same_id_before_the_next(
    service: Service, world: World
) -> None:
    person = await world.person()
    receiver = Receiver(answers=lambda before: 500 if before < 2 else 200)
    async with receiving(receiver), delivering(service):
        made = await hook(service, person, receiver)
        for name in ("first", "second"):
            await world.token(person, name)
        for times in (1, 2):
            await has_tried(made.webhook, times)
            await make_due(made.webhook)
        await has_tried(made.webhook, 4)
    named = [one.content["data"]["token"]["name"] for one in receiver.got]
    assert named == ["first", "first", "first", "second"]
    assert len({one.id for one in receiver.got[:3]}) == 1
    for one in receiver.got:
        verified(made.secret, one)
    assert [one.attempt for one in await attempts_of(made.webhook)] == [1, 2, 3, 1]
    row = await row_of(made.webhook)
    assert (row.failures, row.waiting, row.due_at) == (0, 0, None)


async def test_retry_after_is_honoured_in_both_forms_and_a_day_at_most(
    service: Service, world: World
) -> None:
    """A receiver that asks for less than the schedule does not get more requests."""
    for said, least, most in [
        ("7200", 7190, 7210),
        (format_datetime(datetime.now(UTC) + timedelta(hours=3), usegmt=True), 10700, 10810),
        ("99999999999999", 86_390, 86_410),
        ("0", 3, 7),
        ("soon", 3, 7),
        ("-5", 3, 7),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 3, 7),
    ]:
        person = await world.person()
        receiver = Receiver(503, more_headers=f"Retry-After: {said}\r\n")
        async with receiving(receiver), delivering(service):
            made = await hook(service, person, receiver)
            await world.token(person)
            await has_tried(made.webhook, 1)
        row = await row_of(made.webhook)
        assert row.due_at is not None
        assert least <= (row.due_at - models.now()).total_seconds() <= most, said


async def test_receiver_that_is_gone_is_sent_nothing_more(service: Service, world: World) -> None:
    person, receiver = await world.person(), Receiver(410)
    async with receiving(receiver), delivering(service):
        made = await hook(service, person, receiver)
        await world.token(person)
        await has_tried(made.webhook, 1)
        await world.token(person)
        await asyncio.sleep(0.2)
    row = await row_of(made.webhook)
    assert (row.state, row.pause_reason) == (WebhookState.PAUSED, WebhookPauseReason.GONE)
    assert (len(receiver.got), row.waiting, row.due_at) == (1, 2, None)


async def test_events_of_a_paused_webhook_wait_and_are_sent_once_it_is_resumed(
    service: Service, world: World
) -> None:
    person, receiver = await world.person(), Receiver()
    async with receiving(receiver), delivering(service):
        made = await hook(service, person, receiver)
        of_it = person.principal, service, made.webhook.id
        await webhooks.set_webhook(*of_it, state=WebhookState.PAUSED)
        for name in ("first", "second"):
            await world.token(person, name)
        await asyncio.sleep(0.2)
        assert receiver.got == []
        paused = await row_of(made.webhook)
        assert (paused.pause_reason, paused.waiting) == (WebhookPauseReason.BY_ADMIN, 2)
        await webhooks.set_webhook(*of_it, state=WebhookState.ACTIVE)
        await receiver.has(2)
    assert [one.content["data"]["token"]["name"] for one in receiver.got] == ["first", "second"]
    resumed = await row_of(made.webhook)
    assert (resumed.pause_reason, resumed.paused_at) == (None, None)


async def test_replay_sends_the_events_since_an_instant_again_in_order(
    service: Service, world: World
) -> None:
    person, receiver = await world.person(), Receiver()
    async with receiving(receiver), delivering(service):
        made = await hook(service, person, receiver)
        for number in range(4):
            await world.token(person, f"token {number}")
        await receiver.has(4)
        third = await models.WebhookEvent.get(tenant_id=made.webhook.tenant_id, number=3)
        await webhooks.replay(person.principal, made.webhook.id, third.created_at)
        await receiver.has(6)
        # Nothing is since then.
        await webhooks.replay(person.principal, made.webhook.id, models.now() + _DAY)
        await asyncio.sleep(0.1)
    ids = [one.id for one in receiver.got]
    assert ids[4:] == ids[2:4]
    assert len(ids) == 6
    assert (await row_of(made.webhook)).waiting == 0


async def test_test_event_comes_last_and_lets_the_waiting_ones_be_tried_at_once(
    service: Service, world: World
) -> None:
    person = await world.person()
    receiver = Receiver(answers=lambda before: 200 if before else 500)
    async with receiving(receiver), delivering(service):
        made = await hook(service, person, receiver, ["token.created"])
        await world.token(person)
        await has_tried(made.webhook, 1)
        await webhooks.test(person.principal, made.webhook.id)
        await receiver.has(3)
    assert receiver.types == ["token.created", "token.created", "webhook.test"]
    content = verified(made.secret, receiver.got[-1])
    assert content["data"] == {}
    await webhooks.set_webhook(
        person.principal, service, made.webhook.id, state=WebhookState.PAUSED
    )
    with pytest.raises(InvalidInput):
        await webhooks.test(person.principal, made.webhook.id)


async def test_events_beyond_the_limit_are_dropped_and_counted(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING", 3)
    person, receiver = await world.person(), Receiver()
    async with receiving(receiver):
        made = await hook(service, person, receiver)
        for number in range(5):
            await world.token(person, f"token {number}")
        row = await row_of(made.webhook)
        assert (row.waiting, row.dropped) == (3, 2)
        async with delivering(service):
            await receiver.has(3)
            await world.token(person, "later")
            await receiver.has(4)
        since = models.now() - _DAY
        with pytest.raises(InvalidInput):
            await webhooks.replay(person.principal, made.webhook.id, since)
    named = [one.content["data"]["token"]["name"] for one in receiver.got]
    assert named == ["token 0", "token 1", "token 2", "later"]


async def test_large_event_is_shortened_to_the_limit(service: Service, world: World) -> None:
    person, receiver = await world.person(), Receiver()
    keys = [one.key for one in service.catalogue.permissions]
    async with receiving(receiver), delivering(service):
        made = await hook(service, person, receiver, ["token.permissions_edited"])
        token = (await world.token(person)).token
        row = models.Activity(
            tenant_id=token.tenant_id,
            sequence=1,
            kind=models.ActivityKind.PERMISSIONS_EDITED,
            actor_kind=models.ActorKind.ADMIN,
            actor_id=person.admin.id,
            subject_kind=models.SubjectKind.TOKEN,
            subject_id=token.id,
            details={"granted": keys * 10, "withdrawn": keys[:1]},
        )
        await outbox.hand_on([row], await outbox.locked_for([row]))
        await receiver.has(1)
    [received] = receiver.got
    assert len(received.body) <= MAX_BODY_BYTES
    data = verified(made.secret, received)["data"]
    assert data["details"] == {"grantedCount": 10 * len(keys), "withdrawnCount": 1}
    assert data["isShortened"] is True


async def test_dead_and_slow_receivers_hold_up_no_other(service: Service, world: World) -> None:
    """Neither of the same tenant nor of others, although each takes its place for long."""
    slow_person, person = await world.person(), await world.person()
    slow, fast = Receiver(delay_seconds=8), Receiver()
    async with receiving(slow, fast), delivering(service, Poster(NETWORKS, answer_seconds=10)):
        for _ in range(deliveries.MAX_OF_TENANT + 2):
            await hook(service, slow_person, slow)
        await hook(service, person, slow)
        await hook(service, person, fast)
        await world.token(slow_person)
        started = asyncio.get_running_loop().time()
        await world.token(person)
        await fast.has(1)
        assert asyncio.get_running_loop().time() - started < 7
        assert slow.got == []


async def test_one_tenant_has_its_share_of_the_places(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, under_way, most = await world.person(), 0, 0

    async def post(*_: object) -> Answer:
        nonlocal under_way, most
        under_way, most = under_way + 1, max(most, under_way + 1)
        await asyncio.sleep(0.05)
        under_way -= 1
        return _SUCCESS

    poster = Poster()
    monkeypatch.setattr(poster, "post", post)
    made = [await hook(service, person, Receiver(port=9999)) for _ in range(12)]
    await world.token(person)
    async with delivering(service, poster):
        for one in made:
            await has_tried(one.webhook, 1)
    assert most == deliveries.MAX_OF_TENANT


async def test_webhook_whose_secret_does_not_open_is_sent_nothing_and_others_are(
    service: Service, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    person, broken, whole = await world.person(), Receiver(), Receiver()
    async with receiving(broken, whole):
        made = await hook(service, person, broken)
        await hook(service, person, whole)
        own = models.Webhook.filter(tenant_id=made.webhook.tenant_id, id=made.webhook.id)
        await own.update(secret=bytes(61))
        async with delivering(service):
            await world.token(person)
            await whole.has(1)
            await asyncio.sleep(0.2)
    assert broken.got == []
    # Tried again when the lease has run out, and not at each look.
    assert caplog.text.count("needs the newer digest key") == 1


async def test_removed_webhook_is_sent_nothing(service: Service, world: World) -> None:
    person, receiver = await world.person(), Receiver()
    async with receiving(receiver):
        made = await hook(service, person, receiver)
        await world.token(person)
        await webhooks.remove(person.principal, made.webhook.id)
        async with delivering(service):
            await world.token(person)
            await asyncio.sleep(0.2)
    assert receiver.got == []
