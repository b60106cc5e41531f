"""Checks and changes of a token are linearizable across two server processes on PostgreSQL.

Clients of both instances create, check, change and revoke. Each call has a start and an end, and
the checker searches for an order that explains all answers.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

import models
from models import Role
from server import database
from server.app import running_service
from server.operations import admins
from tests.conftest import settings_for
from tests.support.factories import Client, Person, World
from tests.support.linearizability import REVOKED, Event, change, check, is_linearizable
from tests.support.process import ServerProcess
from tests.support.soak import repeats
from tests.support.wire import Wire
from tests.support.wire import check as request_of

HISTORIES = repeats(ci=40, soak=300)
AT_ONCE = 12
A, B = "GET /api/v1/devices", "GET /api/v1/blueprints"
TARGETS = {A: "/api/v1/devices", B: "/api/v1/blueprints"}


# The checker


@pytest.mark.parametrize(
    ("history", "linearizable"),
    [
        ([change(0, 1, frozenset({A})), check(2, 3, A, 200)], True),
        ([change(0, 1, frozenset({A})), check(2, 3, A, 403)], False),
        ([change(0, 1, REVOKED), check(2, 3, A, 200)], False),
        ([change(0, 1, REVOKED), check(2, 3, A, 401)], True),
        # During a change, the old and the new state are both right,
        ([change(0, 3, frozenset({A})), check(1, 2, A, 403)], True),
        ([change(0, 3, frozenset({A})), check(1, 2, A, 200)], True),
        # but not the new one and then the old one.
        ([change(0, 9, frozenset({A})), check(1, 2, A, 200), check(3, 4, A, 403)], False),
        ([change(0, 9, frozenset({A})), check(1, 4, A, 200), check(3, 5, A, 403)], True),
        # Two concurrent changes have one order for all clients.
        (
            [
                change(0, 9, frozenset({A})),
                change(0, 9, frozenset({B})),
                check(1, 2, A, 200),
                check(3, 4, B, 200),
                check(5, 6, A, 200),
            ],
            False,
        ),
        # A revoked token stays revoked.
        ([change(0, 9, REVOKED), check(1, 2, A, 401), check(3, 4, A, 403)], False),
        # Answers that fit no state.
        ([check(0, 1, A, 503)], False),
    ],
)
def test_checker_accepts_possible_and_rejects_impossible_histories(
    history: list[Event], linearizable: bool
) -> None:
    assert is_linearizable(history, frozenset()) is linearizable


def planted(history: list[Event], fault: str, choose: random.Random) -> list[Event] | None:
    """The history of a server with this fault; None where the fault would not show."""
    changes = [event for event in history if event.is_change]

    def shows(event: Event) -> bool:
        before = [c for c in changes if c.ended < event.started]
        beside = any(c.started < event.ended and c.ended > event.started for c in changes)
        if fault == "a cache outlives a revocation":
            return any(c.wrote is REVOKED for c in before)
        return bool(before) and not beside and event.status != 401

    shown = [n for n, event in enumerate(history) if not event.is_change and shows(event)]
    if not shown:
        return None
    n = choose.choice(shown)
    event = history[n]
    wrong = {401: 200, 200: 403, 403: 200}[event.status]
    return [*history[:n], check(event.started, event.ended, event.asked, wrong), *history[n + 1 :]]


# The servers


@dataclass
class Instances:
    """Two servers on one database, and a signed-in owner who uses both."""

    url: str
    ports: list[int]
    clients: list[Client]
    person: Person
    host: str


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


async def live(instances: Instances, seed: int) -> list[Event]:
    """The history of one token, with checks on both instances throughout."""
    choose = random.Random(seed)
    made = await choose.choice(instances.clients).mutate(
        "createToken", "... on CreateTokenPayload { secret token { id } }", name=f"t{seed}"
    )
    token = made["token"]["id"]
    history: list[Event] = []
    over = asyncio.Event()

    async def changes() -> None:
        for _ in range(choose.randrange(1, 4)):
            await asyncio.sleep(choose.random() * 0.02)
            held = frozenset(key for key in (A, B) if choose.random() < 0.6)
            started = time.monotonic()
            client = choose.choice(instances.clients)
            await client.mutate("setPermissions", tokenId=token, permissions=sorted(held))
            history.append(change(started, time.monotonic(), held))
        await asyncio.sleep(choose.random() * 0.02)
        started = time.monotonic()
        revoked = await choose.choice(instances.clients).mutate("revokeToken", tokenId=token)
        assert revoked["__typename"] == "RevokeTokenPayload"
        history.append(change(started, time.monotonic(), REVOKED))
        await asyncio.sleep(0.005)
        over.set()

    async def checks(wire: Wire) -> None:
        last = False
        while not last:
            last = over.is_set()
            key = choose.choice([A, B])
            started = time.monotonic()
            status = await wire.ask(request_of(instances.host, made["secret"], TARGETS[key]))
            history.append(check(started, time.monotonic(), key, status))
            await asyncio.sleep(choose.random() * 0.015)

    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(Wire(instances.ports[n % 2])) for n in range(3)]
        await asyncio.gather(changes(), *map(checks, wires))
    return history


async def test_histories_of_tokens_are_linearizable(instances: Instances) -> None:
    seeds = iter(range(HISTORIES))
    histories: list[list[Event]] = []

    async def worker() -> None:
        for seed in seeds:
            histories.append(await live(instances, seed))

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    assert len(histories) == HISTORIES
    assert sum(not event.is_change for history in histories for event in history) > 6 * HISTORIES
    # Some checks ran during changes; otherwise every history would be linearizable.
    beside = sum(
        any(c.is_change and c.started < e.ended and e.started < c.ended for c in history)
        for history in histories
        for e in history
        if not e.is_change
    )
    assert beside > HISTORIES
    wrong = [history for history in histories if not is_linearizable(history, frozenset())]
    assert wrong == []
    # The checker finds faults planted in these histories.
    for fault in ("a cache outlives a revocation", "an instance lags behind"):
        choose = random.Random(fault)
        faulty = [planted(history, fault, choose) for history in histories]
        shown = [history for history in faulty if history is not None]
        assert len(shown) > HISTORIES // 10, fault
        assert not any(is_linearizable(history, frozenset()) for history in shown), fault


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
