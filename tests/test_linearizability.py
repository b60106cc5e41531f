"""Checks and changes of a token are linearizable across two server processes on PostgreSQL.

Clients of both instances set permissions, networks and expiries nearer and further, pause, resume,
rotate, end rotations and revoke, one token or by filter, while others check each of its secrets.
Each call has a start and an end, and the checker searches for an order that explains all answers.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

import models
from models import Role
from server import database
from server.operations import admins
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Client, World
from tests.support.linearizability import (
    ALLOWED,
    DEAD,
    LIVES_ON,
    Event,
    change,
    check,
    is_linearizable,
)
from tests.support.process import ServerProcess
from tests.support.soak import repeats
from tests.support.token_histories import A, B, Instances, TokenHistory, planted
from tests.support.wire import Wire
from tests.support.wire import check as request_of

HISTORIES = repeats(ci=40, soak=400)
AT_ONCE = 8
HAS_A, HAS_B = frozenset({A}), frozenset({B})
DENIED = "INSUFFICIENT_SCOPE"
FAULTS = (
    "is_revoked", "held", "is_paused", "is_elsewhere", "expires_at", "retires_at", "a slow clock",
)  # fmt: skip


# The checker


@pytest.mark.parametrize(
    ("history", "linearizable"),
    [
        ([change(0, 1, held=HAS_A), check(2, 3, A, ALLOWED)], True),
        ([change(0, 1, held=HAS_A), check(2, 3, A, DENIED)], False),
        ([change(0, 1, is_revoked=True), check(2, 3, A, ALLOWED)], False),
        ([change(0, 1, is_revoked=True), check(2, 3, A, "TOKEN_REVOKED")], True),
        # During a change, the old and the new state are both right,
        ([change(0, 3, held=HAS_A), check(1, 2, A, DENIED)], True),
        ([change(0, 3, held=HAS_A), check(1, 2, A, ALLOWED)], True),
        # but not the new one and then the old one.
        ([change(0, 9, held=HAS_A), check(1, 2, A, ALLOWED), check(3, 4, A, DENIED)], False),
        ([change(0, 9, held=HAS_A), check(1, 4, A, ALLOWED), check(3, 5, A, DENIED)], True),
        # Two concurrent changes have one order for all clients.
        (
            [
                change(0, 9, held=HAS_A),
                change(0, 9, held=HAS_B),
                check(1, 2, A, ALLOWED),
                check(3, 4, B, ALLOWED),
                check(5, 6, A, ALLOWED),
            ],
            False,
        ),
        # A revoked token stays revoked.
        (
            [
                change(0, 9, is_revoked=True),
                check(1, 2, A, "TOKEN_REVOKED"),
                check(3, 4, A, DENIED),
            ],
            False,
        ),
        # A change leaves the values that it does not set.
        (
            [
                change(0, 1, is_paused=True),
                change(2, 3, held=HAS_A),
                check(4, 5, A, "TOKEN_PAUSED"),
                change(6, 7, is_paused=False),
                check(8, 9, A, ALLOWED),
            ],
            True,
        ),
        # An instant passes by itself: on either side of it within a check, on one otherwise.
        ([change(0, 1, expires_at=5), check(2, 4, A, DENIED)], True),
        ([change(0, 1, expires_at=5), check(2, 4, A, "TOKEN_EXPIRED")], False),
        ([change(0, 1, expires_at=5), check(4, 6, A, DENIED)], True),
        ([change(0, 1, expires_at=5), check(4, 6, A, "TOKEN_EXPIRED")], True),
        ([change(0, 1, expires_at=5), check(5, 6, A, DENIED)], False),
        # Moved further before it passed, or afterwards.
        ([change(0, 1, expires_at=5), change(6, 8, expires_at=99), check(7, 9, A, DENIED)], True),
        ([change(0, 1, expires_at=5), change(2, 3, expires_at=99), check(6, 7, A, DENIED)], True),
        # Each secret ends for itself.
        ([change(0, 1, retires_at=(DEAD, LIVES_ON)), check(2, 3, A, DENIED, 1)], True),
        ([change(0, 1, retires_at=(DEAD, LIVES_ON)), check(2, 3, A, DENIED, 0)], False),
        # Answers that fit no state.
        ([check(0, 1, A, "503")], False),
    ],
)
def test_checker_accepts_possible_and_rejects_impossible_histories(
    history: list[Event], linearizable: bool
) -> None:
    assert is_linearizable(history) is linearizable


# The servers


@pytest.fixture
async def instances(postgres_url: str, tmp_path: Path) -> AsyncIterator[Instances]:
    await database.migrate(settings_for(postgres_url))
    async with running_service(settings_for(postgres_url)) as service:
        person = await World(service).person()
        tenants = models.Tenant.filter(id=person.admin.tenant_id)
        await tenants.update(requests_per_hour=10**9)
        tenant = await tenants.get()
    async with AsyncExitStack() as stack:
        servers = [
            stack.enter_context(ServerProcess(tmp_path, database_url=postgres_url))
            for _ in range(2)
        ]
        clients = [
            Client(await stack.enter_async_context(httpx2.AsyncClient(base_url=s.url, timeout=20)))
            for s in servers
        ]
        yield Instances(
            postgres_url,
            [server.port for server in servers],
            [client.of(person) for client in clients],
            person,
            f"{tenant.slug}.api.us.example.com",
        )


async def test_histories_of_tokens_are_linearizable(instances: Instances) -> None:
    seeds = iter(range(HISTORIES))
    histories: list[list[Event]] = []

    async def worker() -> None:
        for seed in seeds:
            history = TokenHistory(instances, random.Random(seed), f"token-{seed}-")
            histories.append(await history.live())

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    assert len(histories) == HISTORIES
    assert sum(not event.is_change for history in histories for event in history) > 6 * HISTORIES
    # Some checks ran during changes; otherwise every history would be linearizable.
    beside = sum(
        any(other.is_change and other.overlaps(event) for other in history)
        for history in histories
        for event in history
        if not event.is_change
    )
    assert beside > HISTORIES
    wrong = [history for history in histories if not is_linearizable(history)]
    assert wrong == []
    # The checker finds faults planted in these histories.
    for fault in FAULTS:
        choose = random.Random(fault)
        faulty = [planted(history, fault, choose) for history in histories]
        shown = [history for history in faulty if history is not None]
        assert len(shown) >= HISTORIES // 20, fault
        assert not any(map(is_linearizable, shown)), fault


async def test_tokens_of_a_removed_admin_are_denied_on_all_instances_at_once(
    instances: Instances,
) -> None:
    async with running_service(settings_for(instances.url)) as service:
        world = World(service)
        tenant = await models.Tenant.get(id=instances.person.admin.tenant_id)
        for _ in range(20):
            admin = await world.person(tenant, Role.ADMIN)
            made = [await world.token(admin, "t", [A]) for _ in range(3)]
            async with Wire(instances.ports[0]) as one, Wire(instances.ports[1]) as two:
                for token in made:
                    assert await one.ask(request_of(instances.host, token.secret)) == 200
                await admins.remove(instances.person.principal, admin.admin.id)
                for token in made:
                    for wire in (one, two):
                        assert await wire.ask(request_of(instances.host, token.secret)) == 401
