"""Limits of concurrent requests per admin and per tenant; no place is lost."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import httpx2
import pytest

import models
from models import Role
from server.access import turns
from server.access.principal import SignedInAdmin
from server.access.turns import MAX_REQUESTS_PER_PERSON, TenantSlots, Turns
from server.app import create_app
from server.errors import TooManyRequests
from server.service import Service
from tests.support.factories import Client, Person, World

_ACME, _GLOBEX = UUID(int=1), UUID(int=2)


def person(number: int, tenant: UUID = _ACME) -> SignedInAdmin:
    return SignedInAdmin(tenant, UUID(int=100 + number), Role.ADMIN, UUID(int=0))


class Requests:
    """Requests that a test begins, ends and cancels; each waits for a place and holds it until its
    end."""

    def __init__(self, of: Turns) -> None:
        self._turns = of
        self.begun: list[str] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}

    async def begin(self, name: str, principal: SignedInAdmin) -> None:
        self._ends[name] = asyncio.Event()
        self._tasks[name] = asyncio.create_task(self._run(name, principal))
        await asyncio.sleep(0)

    async def _run(self, name: str, principal: SignedInAdmin) -> None:
        async with self._turns.turn(principal):
            self.begun.append(name)
            await self._ends[name].wait()

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await self._tasks[name]
        await asyncio.sleep(0)

    async def cancel(self, name: str) -> None:
        self._tasks[name].cancel()
        with pytest.raises(asyncio.CancelledError):
            await self._tasks[name]
        await asyncio.sleep(0)

    async def refused(self, name: str) -> None:
        with pytest.raises(TooManyRequests):
            await self._tasks[name]


async def test_admin_runs_four_requests_at_once_and_tenant_up_to_its_limit() -> None:
    requests = Requests(Turns(6))
    for number in range(6):
        await requests.begin(f"a{number}", person(1))
    assert requests.begun == ["a0", "a1", "a2", "a3"]
    # A colleague does not queue behind requests that wait for their own admin's limit.
    for number in range(3):
        await requests.begin(f"b{number}", person(2))
    assert requests.begun[4:] == ["b0", "b1"]
    await requests.begin("other", person(3, _GLOBEX))
    assert requests.begun[6:] == ["other"]


async def test_places_are_given_in_order_of_arrival() -> None:
    requests = Requests(Turns(2))
    for name, number in {"a": 1, "b": 1, "c": 2, "d": 1, "e": 3}.items():
        await requests.begin(name, person(number))
    for name in "ab":
        await requests.end(name)
    assert requests.begun == ["a", "b", "c", "d"]
    await requests.end("d")
    assert requests.begun[4:] == ["e"]


async def test_request_is_refused_after_its_maximum_wait() -> None:
    of = Turns(1, wait_seconds=0.01)
    requests = Requests(of)
    await requests.begin("a", person(1))
    await requests.begin("b", person(2))
    await requests.refused("b")
    await requests.end("a")
    assert requests.begun == ["a"]
    assert of.is_idle


async def test_request_is_refused_at_once_when_the_queue_is_full() -> None:
    requests = Requests(Turns(1))
    await requests.begin("a", person(1))
    for number in range(turns.MAX_WAITING_PER_PERSON):
        await requests.begin(f"b{number}", person(2))
    await requests.begin("too many", person(2))
    await requests.refused("too many")
    for number in range(turns.MAX_WAITING_PER_TENANT - turns.MAX_WAITING_PER_PERSON):
        await requests.begin(f"c{number}", person(10 + number // turns.MAX_WAITING_PER_PERSON))
    await requests.begin("one more", person(90))
    await requests.refused("one more")


async def test_cancelled_request_frees_its_place() -> None:
    of = Turns(1)
    requests = Requests(of)
    for number in range(4):
        await requests.begin(f"r{number}", person(number))
    await requests.cancel("r1")
    await requests.cancel("r0")
    assert requests.begun == ["r0", "r2"]
    await requests.end("r2")
    assert requests.begun == ["r0", "r2", "r3"]
    await requests.end("r3")
    assert of.is_idle


async def test_place_given_to_a_request_being_cancelled_is_not_lost() -> None:
    of = Turns(1)
    requests = Requests(of)
    for number in range(3):
        await requests.begin(f"r{number}", person(number))
    # The first place goes to the second request, which is cancelled before it runs again.
    requests._ends["r0"].set()
    await asyncio.sleep(0)
    await requests.cancel("r1")
    assert requests.begun == ["r0", "r2"]
    await requests.end("r2")
    assert of.is_idle


async def test_no_place_is_lost_in_random_sequences() -> None:
    """After random starts, cancellations, failures and ends, all places are free."""
    choose = random.Random(7)
    of = Turns(3, wait_seconds=0.02)
    most = under_way = 0

    async def request(number: int) -> None:
        nonlocal most, under_way
        async with of.turn(person(number % 4)):
            under_way += 1
            most = max(most, under_way)
            try:
                await asyncio.sleep(choose.random() / 100)
                if number % 5 == 0:
                    raise ValueError
            finally:
                under_way -= 1

    tasks = []
    for number in range(300):
        tasks.append(asyncio.create_task(request(number)))
        await asyncio.sleep(choose.random() / 1000)
        if number % 3 == 0:
            choose.choice(tasks).cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(one) for one in ended} == {
        type(None), ValueError, asyncio.CancelledError, TooManyRequests
    }  # fmt: skip
    assert most == 3
    assert of.is_idle


@asynccontextmanager
async def client_of(service: Service, person: Person) -> AsyncIterator[Client]:
    transport = httpx2.ASGITransport(app=create_app(service))
    async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
        yield Client(http).of(person)


async def test_too_many_requests_are_429_on_every_route_of_the_signed_in(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "MAX_WAITING_PER_PERSON", 0)
    monkeypatch.setattr(turns, "MAX_REQUESTS_PER_PERSON", 1)
    owner = await world.person()
    colleague = await world.person(await models.Tenant.get(id=owner.admin.tenant_id))
    async with client_of(service, owner) as client:
        query = "{ tokens { edges { node { id } } } }"
        # Short reads of SQLite would be answered one after the other.
        change = 'mutation { createToken(input: {name: "t"}) { __typename } }'
        answers = await asyncio.gather(*(client.graphql(change) for _ in range(8)))
        assert {one.status_code for one in answers} == {200, 429}
        refused = next(one for one in answers if one.status_code == 429)
        assert refused.headers["retry-after"] == "1"
        [error] = refused.json()["errors"]
        assert error["extensions"] == {"code": "TOO_MANY_REQUESTS"}
        sessions = await asyncio.gather(
            *(client.http.get("/session", headers=client.headers) for _ in range(8))
        )
        assert {one.status_code for one in sessions} == {200, 429}
        problem = next(one for one in sessions if one.status_code == 429)
        assert problem.headers["retry-after"] == "1"
        assert problem.headers["content-type"] == "application/problem+json"
        assert problem.json()["code"] == "TOO_MANY_REQUESTS"
        both = await asyncio.gather(client.graphql(query), client.of(colleague).graphql(query))
        assert [one.status_code for one in both] == [200, 200]


async def test_tenants_limit_is_a_setting(service: Service, world: World) -> None:
    settings = replace(service.settings, max_requests_per_tenant=1)
    owner = await world.person()
    async with client_of(replace(service, settings=settings), owner) as client:
        query = "{ viewer { id } }"
        answers = await asyncio.gather(*(client.graphql(query) for _ in range(10)))
        assert {one.status_code for one in answers} == {200}
        assert len(answers) > MAX_REQUESTS_PER_PERSON


async def test_tenant_runs_two_graphql_requests_at_once_independent_of_others() -> None:
    slots, one, other = TenantSlots(), _ACME, _GLOBEX
    order: list[int] = []

    async def work(number: int) -> None:
        async with slots.of(one):
            order.append(number)
            await asyncio.sleep(0)

    async with slots.of(one), slots.of(one):
        waiting = [asyncio.create_task(work(number)) for number in range(4)]
        await asyncio.sleep(0.01)
        assert order == []
        async with slots.of(other):
            pass
        waiting.pop(1).cancel()
    await asyncio.gather(*waiting)
    assert order == [0, 2, 3]
