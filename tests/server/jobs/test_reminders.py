"""Reminders: before and at the end of tokens, of rotations and of retired secrets; each once."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

import models
from models import RefusalReason
from server.jobs import reminders
from server.operations import rotation, tokens, webhooks
from server.service import Service
from tests.support.factories import Person, World, token_id

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


class _Told:
    """A tenant whose webhook is told of reminders, and the events so far."""

    def __init__(self, service: Service, world: World, person: Person) -> None:
        self.service, self.world, self.person = service, world, person
        self.read = 0

    @classmethod
    async def make(cls, service: Service, world: World, events: list[str] | None = None) -> "_Told":
        person = await world.person()
        wanted = events or [
            *("token.expiring", "token.expired", "token.rotation_overdue"),
            "token.retired_secret_used",
        ]
        await webhooks.create(person.principal, service, url="https://example.com", wanted=wanted)
        return cls(service, world, person)

    async def token(self, ends_in: timedelta | None, age: timedelta = 300 * _DAY) -> models.Token:
        token = (await self.world.token(self.person)).token
        await self.set_end(token, ends_in)
        own = models.Token.filter(tenant_id=token.tenant_id, id=token.id)
        await own.update(created_at=models.now() - age)
        return token

    async def set_end(self, token: models.Token, ends_in: timedelta | None) -> None:
        at = None if ends_in is None else models.now() + ends_in
        await models.Token.filter(tenant_id=token.tenant_id, id=token.id).update(expires_at=at)

    async def news(self) -> list[tuple[str, str, Any]]:
        """Run the job; gives type, token's id and details of each event since the last run."""
        async for _ in reminders.remind_all():
            pass
        of_tenant = models.WebhookEvent.filter(tenant_id=self.person.admin.tenant_id)
        events = await of_tenant.order_by("number")
        fresh, self.read = events[self.read :], len(events)
        bodies = [json.loads(event.body) for event in fresh]
        return [
            (body["type"], body["data"]["token"]["id"], body["data"]["details"]) for body in bodies
        ]


@pytest.mark.parametrize(
    ("ends_in", "age", "days"),
    [
        (30 * _DAY - _HOUR, 300 * _DAY, 30),
        (7 * _DAY - _HOUR, 300 * _DAY, 7),
        (_DAY - _HOUR, 300 * _DAY, 1),
        (60 * _DAY - _HOUR, 310 * _DAY, 60),
        # Not yet, no more, or of no long life.
        (30 * _DAY + _HOUR, 300 * _DAY, None),
        (29 * _DAY - _HOUR, 300 * _DAY, None),
        (60 * _DAY - _HOUR, 300 * _DAY, None),
        # Made to live for less than 30 days.
        (30 * _DAY - _HOUR, timedelta(), None),
        (7 * _DAY - _HOUR, timedelta(), None),
        (7 * _DAY - _HOUR, _DAY, 7),
        (None, 300 * _DAY, None),
    ],
)
async def test_token_that_ends_soon_is_told_of_once(
    ends_in: timedelta | None, age: timedelta, days: int | None, service: Service, world: World
) -> None:
    told = await _Told.make(service, world)
    token = await told.token(ends_in, age)
    news = await told.news()
    if days is None:
        assert news == []
        return
    [(of_type, of_token, details)] = news
    assert (of_type, of_token, details["days"]) == ("token.expiring", token_id(token), days)
    row = await models.Token.get(tenant_id=token.tenant_id, id=token.id)
    assert row.expires_at is not None
    assert datetime.fromisoformat(details["expiresAt"]) == row.expires_at
    assert await told.news() == []


async def test_another_expiry_is_told_of_anew(service: Service, world: World) -> None:
    told = await _Told.make(service, world)
    token = await told.token(7 * _DAY - _HOUR)
    assert [details["days"] for _, _, details in await told.news()] == [7]
    await told.set_end(token, 100 * _DAY)
    assert await told.news() == []
    await told.set_end(token, 7 * _DAY - 2 * _HOUR)
    assert [details["days"] for _, _, details in await told.news()] == [7]
    await told.set_end(token, _DAY - _HOUR)
    assert [details["days"] for _, _, details in await told.news()] == [1]


async def test_ended_token_is_told_of_once_and_a_revoked_one_not(
    service: Service, world: World
) -> None:
    told = await _Told.make(service, world)
    token, revoked = await told.token(-_HOUR), await told.token(-_HOUR)
    await told.token(-2 * _DAY)
    await tokens.revoke(told.person.principal, revoked.id)
    assert [one[:2] for one in await told.news()] == [("token.expired", token_id(token))]
    assert await told.news() == []


async def test_many_tokens_are_told_of_in_portions(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders, "_ROWS", 2)
    told = await _Told.make(service, world)
    made = [await told.token(_DAY - _HOUR) for _ in range(5)]
    # Three of them end at the same instant.
    at = models.now() + 5 * _HOUR
    same = models.Token.filter(tenant_id=made[0].tenant_id, id__in=[one.id for one in made[:3]])
    await same.update(expires_at=at)
    assert {one[1] for one in await told.news()} == {token_id(one) for one in made}
    assert await told.news() == []


async def test_rotation_that_nobody_picks_up_is_told_of_after_a_week(
    service: Service, world: World
) -> None:
    told = await _Told.make(service, world)
    made = [await told.token(None) for _ in range(3)]
    for token in made:
        await rotation.rotate(told.person.principal, service, token.id)
    old = models.now() - 7 * _DAY - _HOUR
    of_tenant = models.TokenRotation.filter(tenant_id=made[0].tenant_id)
    assert await told.news() == []
    await of_tenant.update(created_at=old)
    await of_tenant.filter(id=made[1].id).update(picked_up_at=models.now())
    await tokens.revoke(told.person.principal, made[2].id)
    [(of_type, of_token, details)] = await told.news()
    assert (of_type, of_token) == ("token.rotation_overdue", token_id(made[0]))
    assert datetime.fromisoformat(details["startedAt"]) == old
    assert await told.news() == []


async def _refuse(token: models.Token, reason: RefusalReason, at: datetime) -> None:
    await models.TokenRefusal.create(
        tenant_id=token.tenant_id,
        token_id=token.id,
        created_at=at,
        method="GET",
        path="/api",
        reason=reason,
        address="192.0.2.1",
        user_agent="x",
        request_id="x",
    )


async def test_retired_secret_that_is_still_used_is_told_of_once_a_day(
    service: Service, world: World
) -> None:
    told = await _Told.make(service, world)
    token, other = await told.token(None), await told.token(None)
    at = models.now()
    await _refuse(other, RefusalReason.EXPIRED, at)
    await _refuse(other, RefusalReason.SECRET_RETIRED, at - _DAY)
    for _ in range(3):
        await _refuse(token, RefusalReason.SECRET_RETIRED, at)
    news = await told.news()
    assert [one[:2] for one in news] == [("token.retired_secret_used", token_id(token))]
    assert await told.news() == []
    # As if that had been yesterday.
    await models.Reminder.filter(tenant_id=token.tenant_id).update(about=at - _DAY)
    assert len(await told.news()) == 1


async def test_tenants_without_such_a_webhook_are_told_nothing_and_others_nothing_of_them(
    service: Service, world: World
) -> None:
    told = await _Told.make(service, world)
    deaf = await _Told.make(service, world, ["token.created"])
    own, _ = await told.token(_DAY - _HOUR), await deaf.token(_DAY - _HOUR)
    assert [one[1] for one in await told.news()] == [token_id(own)]
    assert {one[0] for one in await deaf.news()} == {"token.created"}
    assert await models.Reminder.filter(tenant_id=deaf.person.admin.tenant_id).count() == 0
