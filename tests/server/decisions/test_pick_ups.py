"""The first use of a new secret: which answers count, and how it is recorded. Here too: who still
uses the old secret, and how many secrets a token keeps."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

import models
from models import ActivityKind, ClosedBy, RotationPart
from server.access.principal import IntrospectionClient
from server.decisions import pick_ups, terms
from server.errors import InvalidInput
from server.operations import conditions, rotation
from server.operations.introspection import introspect
from server.service import Service
from tests.support.factories import World
from tests.support.rotations import (
    FROM,
    KEY,
    LIVES,
    PICKED_UP,
    RETIRED,
    Case,
    rotation_case,
    started,
)
from tests.support.waiting import until


@pytest.fixture
async def case(service: Service, world: World) -> AsyncIterator[Case]:
    async with rotation_case(service, world) as one:
        yield one


@pytest.mark.parametrize("answer", ["200", "NOT_GRANTED", "RATE_LIMITED"])
async def test_new_secret_that_passes_authentication_is_picked_up(case: Case, answer: str) -> None:
    new = await case.rotate()
    if answer == "RATE_LIMITED":
        await conditions.set_rate_limit(case.person.principal, case.token.id, 1)
        assert await case.ask(case.secret) == LIVES
        assert await case.ask(new) == (403, "RATE_LIMITED")  # nginx: 429 in a header
    elif answer == "NOT_GRANTED":
        assert await case.ask(new, "/api/v1/users") == (403, "INSUFFICIENT_SCOPE")
    else:
        assert await case.ask(new) == LIVES
    await until(case.is_picked_up)


async def test_new_secret_that_does_not_pass_is_not_picked_up(case: Case) -> None:
    principal, token = case.person.principal, case.token
    new = await case.rotate()
    assert await case.ask(new, "/api/v1/nothing") == (403, "NO_SUCH_OPERATION")
    assert await case.ask(new, "/api/v1/../devices") == (403, "TARGET_NOT_CANONICAL")
    await conditions.set_networks(principal, token.id, ["192.0.2.1"])
    assert await case.ask(new) == (403, "ADDRESS_NOT_ALLOWED")
    await conditions.set_networks(principal, token.id, [])
    await conditions.pause(principal, token.id)
    assert await case.ask(new) == (401, "TOKEN_PAUSED")
    await conditions.resume(principal, token.id)
    assert await introspect(IntrospectionClient(models.new_id()), case.service, new)
    await case.app.close()
    assert not await case.is_picked_up()


async def test_clients_on_the_old_secret_are_told(case: Case) -> None:
    assert await case.ask(case.secret) == LIVES
    new = await case.rotate()
    host = f"{case.tenant.slug}.api.us.example.com"
    for agent in ("cron", "cron", "ui"):
        answer = await case.gateway.ask(
            case.secret, host=host, headers=FROM | {"User-Agent": agent}
        )
        assert answer.status_code == 200
    assert await case.ask(new) == LIVES
    await case.app.close()
    row = await case.under_way()
    assert row is not None
    uses = (await rotation.old_secret_uses(case.person.principal, [row]))[case.token.id]
    assert {(use.address, use.user_agent, use.requests) for use in uses} == {
        ("203.0.113.7", "cron", 2), ("203.0.113.7", "ui", 1)
    }  # fmt: skip
    assert uses[0].user_agent == "ui"
    await case.end(RotationPart.NEW)
    assert not await models.SecretUse.filter(tenant_id=case.tenant.id).exists()


async def test_pick_up_is_recorded_after_an_outage(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, failures = pick_ups._record, 3

    async def sometimes(pick_up: Any) -> None:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise TimeoutError
        await record(pick_up)

    monkeypatch.setattr(pick_ups, "_record", sometimes)
    monkeypatch.setattr(pick_ups, "_RETRY_SECONDS", 0.05)
    new = await case.rotate(drain_seconds=0)
    for _ in range(5):
        assert await case.ask(new) == LIVES
    await until(case.is_picked_up)
    assert failures < 0
    assert await case.ask(case.secret) == RETIRED
    assert await case.activity() == [started(drainSeconds=0), PICKED_UP]


async def test_stop_records_the_pick_ups_noted_before(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = await case.rotate()
    record, is_down = pick_ups._record, True

    async def later(pick_up: Any) -> None:
        if is_down:
            raise TimeoutError
        await record(pick_up)

    monkeypatch.setattr(pick_ups, "_record", later)
    assert await case.ask(new) == LIVES
    await asyncio.sleep(0.05)
    is_down = False
    await case.app.close()
    assert await case.is_picked_up()


async def test_pick_up_of_a_secret_that_was_replaced_meanwhile_counts_for_nothing(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, noted = pick_ups._record, list[Any]()

    async def keep(pick_up: Any) -> None:
        noted.append(pick_up)

    monkeypatch.setattr(pick_ups, "_record", keep)
    first = await case.rotate()
    assert await case.ask(first) == LIVES
    await until(lambda: asyncio.sleep(0, bool(noted)))
    await case.rotate(replace=True)
    await record(noted[0])
    assert not await case.is_picked_up()
    assert await case.ask(case.secret) == LIVES
    assert [kind for kind, _ in await case.activity()] == [ActivityKind.ROTATION_STARTED] * 2


async def test_secrets_are_kept_in_a_limited_number(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = models.TokenSecret.filter(tenant_id=case.tenant.id, token_id=case.token.id)
    monkeypatch.setattr(terms, "MAX_GENERATION", 3)
    await case.rotate()
    await case.rotate(replace=True)
    with pytest.raises(InvalidInput, match="too often"):
        await case.rotate(replace=True)
    monkeypatch.undo()
    monkeypatch.setattr(terms, "_KEPT_SECRETS", 2)
    new = await case.rotate(replace=True)
    kept = [(row.generation, row.closed_by) for row in await rows.order_by("generation")]
    # The old one lives, however many have come after it.
    assert kept == [(1, None), (3, ClosedBy.RETIRED), (4, None)]
    assert (await case.ask(case.secret), await case.ask(new)) == (LIVES, LIVES)
    # The audit expects all of them.
    await models.TokenSecret.create(
        tenant_id=case.tenant.id, token_id=case.token.id, digest=b"x" * 32, generation=2,
        closed_by=ClosedBy.RETIRED, grants=models.grants_of([KEY]),
    )  # fmt: skip
