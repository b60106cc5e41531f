"""Concurrent changes on PostgreSQL: each is told of once, in the order of the commits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from inspect import unwrap
from itertools import pairwise
from uuid import UUID

import pytest

import models
from models import Role
from server.access.events import NOT_TOLD
from server.errors import InvalidInput, NotFound
from server.operations import admins, tokens, webhooks
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Person, World
from tests.support.soak import repeats
from tests.support.statements import caught

_ROUNDS = repeats(ci=3, soak=30)
_TOKENS, _CHANGES = 6, 5


@pytest.fixture
async def service(postgres_url: str) -> AsyncIterator[Service]:
    async with running_service(replace(settings_for(postgres_url), database_pool_size=42)) as it:
        yield it


async def _numbers(tenant_id: UUID, webhook_id: UUID) -> dict[str, int]:
    """The number of a webhook's event by activity. None is missing, and none goes back in time."""
    events = models.WebhookEvent.filter(tenant_id=tenant_id, webhook_id=webhook_id)
    rows = await events.order_by("number")
    webhook = await models.Webhook.get(tenant_id=tenant_id, id=webhook_id)
    assert [row.number for row in rows] == list(range(1, webhook.last_number + 1))
    assert all(before.created_at <= after.created_at for before, after in pairwise(rows))
    return {row.event_id.removeprefix("evt_"): row.number for row in rows}


async def _rename(person: Person, token: models.Token, name: str) -> None:
    """Change the name several times, until the token is revoked with its owner."""
    with suppress(NotFound):
        for number in range(_CHANGES):
            await tokens.rename(person.principal, token.id, f"{name} {number}")


async def test_every_change_has_one_event_and_those_of_a_token_are_in_order(
    service: Service,
) -> None:
    world = World(service)
    for _ in range(_ROUNDS):
        owner = await world.person()
        tenant = await models.Tenant.get(id=owner.admin.tenant_id)
        people = [await world.person(tenant, Role.ADMIN) for _ in range(3)]
        leaving = await world.person(tenant, Role.ADMIN)
        hooks = [
            (
                await webhooks.create(
                    owner.principal, service, url="https://example.com", wanted=["*"]
                )
            ).webhook.id
            for _ in range(2)
        ]
        made = [(await world.token(leaving)).token for _ in range(_TOKENS)]
        kept = [(await world.token(people[0])).token for _ in range(_TOKENS)]

        await asyncio.gather(
            *(
                _rename(people[number % 3], token, str(number))
                for number, token in enumerate([*made, *kept])
            ),
            admins.remove(owner.principal, leaving.admin.id),
        )
        activities = await models.Activity.filter(tenant_id=tenant.id)
        for hook in hooks:
            numbers = await _numbers(tenant.id, hook)
            told = [row for row in activities if row.kind not in NOT_TOLD]
            assert numbers.keys() == {row.id.hex for row in told}
            # The trail has the same order.
            told.sort(key=lambda row: row.sequence)
            assert [numbers[row.id.hex] for row in told] == sorted(numbers.values())
            for token in (*made, *kept):
                of_token = [row for row in activities if row.subject_id == token.id]
                of_token.sort(key=lambda row: numbers[row.id.hex])
                _assert_in_order(of_token)


def _assert_in_order(of_token: list[models.Activity]) -> None:
    # Each change begins where the one before it ended.
    renamed = [row.details for row in of_token if "name" in row.details]
    assert all(before["name"] == after["previousName"] for before, after in pairwise(renamed))
    if any(row.kind is models.ActivityKind.REVOKED for row in of_token):
        assert of_token[-1].kind is models.ActivityKind.REVOKED


async def test_changes_of_a_webhook_and_events_for_it_wait_in_no_circle(
    service: Service,
) -> None:
    """A change of a webhook holds its row, then the counter; so must a change that is told.

    Not retried here, a deadlock is an error.
    """
    world = World(service)
    owner = await world.person()
    made = [(await world.token(owner)).token for _ in range(_TOKENS)]
    hooks = [
        (await webhooks.create(owner.principal, service, url="https://example.com", wanted=["*"]))
        for _ in range(2)
    ]

    async def rename(token: models.Token) -> None:
        for number in range(_CHANGES):
            await unwrap(tokens.rename)(owner.principal, token.id, f"{token.id} {number}")
            await unwrap(tokens.rename)(owner.principal, token.id, "n")

    async def change(webhook_id: UUID) -> None:
        for number in range(_CHANGES):
            url = f"https://example.com/{number}"
            await unwrap(webhooks.set_webhook)(owner.principal, service, webhook_id, url=url)
            await unwrap(webhooks.test)(owner.principal, webhook_id)

    for _ in range(_ROUNDS):
        await asyncio.gather(*map(rename, made), *(change(hook.webhook.id) for hook in hooks))
    for hook in hooks:
        numbers = await _numbers(owner.admin.tenant_id, hook.webhook.id)
        assert len(numbers) == _ROUNDS * _CHANGES * (1 + 2 * _TOKENS)


async def test_the_tenants_counter_is_the_last_lock_of_a_change(service: Service) -> None:
    """Read off the statements, regardless of chance: a lock after it could wait in a circle.

    The webhooks that are told were locked before, so that the events can be numbered.
    """
    world = World(service)
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    leaving = await world.person(tenant, Role.ADMIN)
    made = await webhooks.create(owner.principal, service, url="https://example.com", wanted=["*"])
    tokens_made = [(await world.token(leaving, f"t{number}")).token for number in range(2)]
    told = 0
    for change in (
        world.token(owner, "another"),
        tokens.rename(leaving.principal, tokens_made[0].id, "new"),
        webhooks.set_webhook(owner.principal, service, made.webhook.id, url="https://example.org"),
        admins.remove(owner.principal, leaving.admin.id),
    ):
        with caught() as statements:
            await change
        said = [sql for sql, _ in statements]
        [counter] = [place for place, sql in enumerate(said) if "activity_counter" in sql]
        locks = [place for place, sql in enumerate(said) if "FOR UPDATE" in sql]
        assert max(locks) < counter, said
        written = [sql for sql in said[counter + 1 :] if not sql.startswith("SELECT")]
        # The last of these is of a row that is locked already.
        after = ('INSERT INTO "activity"', 'INSERT INTO "webhook_event"', 'UPDATE "webhook" SET')
        assert [sql for sql in written if not sql.startswith(after)] == []
        if any(sql.startswith('UPDATE "webhook"') for sql in written):
            told += 1
            assert any('FROM "webhook"' in said[place] for place in locks)
    assert told == 3


async def test_admins_at_once_make_no_more_webhooks_than_a_tenant_may_have(
    service: Service,
) -> None:
    world = World(service)
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    people = [owner, *[await world.person(tenant, Role.ADMIN) for _ in range(5)]]

    async def create(number: int) -> bool:
        try:
            await webhooks.create(
                people[number % len(people)].principal,
                service,
                url="https://example.com",
                wanted=["*"],
            )
        except InvalidInput:
            return False
        return True

    made = await asyncio.gather(*(create(number) for number in range(webhooks.MAX_WEBHOOKS + 8)))
    assert sum(made) == webhooks.MAX_WEBHOOKS
    count = await models.Webhook.filter(tenant_id=tenant.id).count()
    assert count == webhooks.MAX_WEBHOOKS
