"""A primary dies or freezes under load, and its standby is promoted: two instances serve again.

With synchronous replication no acknowledged change is lost, and no check passes on an older state:
neither by the standby, nor by the former primary when it wakes. By way of a real HAProxy, and with
both hosts in the URL.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

import models
from server import database
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Client, Person, World
from tests.support.haproxy import Proxy, haproxy
from tests.support.postgres import PostgresCluster, Standby
from tests.support.process import LOOPBACK, ServerProcess
from tests.support.soak import IS_SOAK, repeats
from tests.support.surfaces import PERMISSION
from tests.support.waiting import until
from tests.support.wire import Wire
from tests.support.wire import check as request_of

ROUNDS = repeats(ci=1, soak=4)
# A fault and a way to the database. `make soak` takes all.
SCENES = [("killed", "haproxy"), ("frozen", "hosts"), ("frozen", "haproxy"), ("killed", "hosts")]
CHANGES_BEFORE = 10
CREATE = (
    'mutation ($permissions: [String!]) { createToken(input: {name: "n", permissions:'
    " $permissions}) { ... on CreateTokenPayload { secret token { id } } } }"
)
REVOKE = (
    "mutation ($id: ID!) { revokeToken(input: {tokenId: $id})"
    " { ... on RevokeTokenPayload { token { id } } } }"
)


@dataclass
class Pair:
    """A primary and the standby that it waits for at each commit."""

    primary: PostgresCluster
    standby: Standby
    url: str

    @property
    def of_both_hosts(self) -> str:
        place = f"@{LOOPBACK}:{self.primary.port}"
        return self.url.replace(place, f"{place},{LOOPBACK}:{self.standby.port}")


@pytest.fixture
def pair() -> Iterator[Pair]:
    with PostgresCluster() as primary:
        url = primary.create_database_now()
        asyncio.run(database.migrate(settings_for(url)))
        with Standby(primary) as standby:
            standby.be_waited_for_now()
            yield Pair(primary, standby, url)


@dataclass
class Load:
    """Clients of two instances, and the changes that these acknowledged."""

    host: str
    ports: list[int]
    clients: list[Client]
    live: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    changes: list[int] = field(default_factory=lambda: [0, 0])
    wrong: list[object] = field(default_factory=list)
    is_ending: bool = False

    async def change(self, place: int) -> None:
        """Create tokens, and revoke every other one; check each at the other instance."""
        async with Wire(self.ports[1 - place]) as wire:
            while not self.is_ending:
                made = await self._mutate(place, CREATE, permissions=[PERMISSION])
                if made is None:
                    continue
                secret = made["createToken"]["secret"]
                await self._expect(wire, secret, 200)
                if self.changes[place] % 2:
                    self.live.append(secret)
                elif await self._mutate(place, REVOKE, id=made["createToken"]["token"]["id"]):
                    self.revoked.append(secret)
                    await self._expect(wire, secret, 401)
                self.changes[place] += 1

    async def check(self, place: int) -> None:
        """Check tokens whose state is known."""
        choose = random.Random(place)
        async with Wire(self.ports[place]) as wire:
            while not self.is_ending:
                for secrets, status in ((self.live, 200), (self.revoked, 401)):
                    if secrets:
                        await self._expect(wire, choose.choice(secrets), status)
                await asyncio.sleep(0.005)

    async def check_all(self) -> None:
        """Every acknowledged change is there at both instances."""
        for port in self.ports:
            async with Wire(port) as wire:
                for secrets, status in ((self.live, 200), (self.revoked, 401)):
                    for secret in secrets:
                        found = await wire.ask(request_of(self.host, secret))
                        if found != status:
                            self.wrong.append((port, found, status))

    async def _expect(self, wire: Wire, secret: str, status: int) -> None:
        found = await wire.ask(request_of(self.host, secret))
        if found not in {status, 503}:
            self.wrong.append((found, status))

    async def _mutate(self, place: int, query: str, **variables: Any) -> Any:
        """The data of a mutation; None where the database was unavailable."""
        answer = await self.clients[place].graphql(query, variables)
        body = answer.json()
        if answer.status_code == 200 and "errors" not in body:
            return body["data"]
        if answer.status_code != 503:
            self.wrong.append((answer.status_code, body))
        await asyncio.sleep(0.02)
        return None


async def person_of(pair: Pair) -> tuple[Person, str]:
    """An owner, and the host of the tenant's API."""
    async with running_service(settings_for(pair.url)) as service:
        person = await World(service).person()
        tenants = models.Tenant.filter(id=person.admin.tenant_id)
        await tenants.update(requests_per_hour=10**9)
        return person, f"{(await tenants.get()).slug}.api.us.example.com"


@asynccontextmanager
async def loaded(folder: Path, pair: Pair, url: str) -> AsyncIterator[Load]:
    """Two instances on `url` under load, which ends with the block."""
    person, host = await person_of(pair)
    async with AsyncExitStack() as stack:
        servers = [ServerProcess(folder, database_url=url) for _ in range(2)]
        for server in servers:
            await asyncio.to_thread(stack.enter_context, server)
        https = [httpx2.AsyncClient(base_url=server.url, timeout=20) for server in servers]
        for http in https:
            await stack.enter_async_context(http)
        clients = [Client(http).of(person) for http in https]
        load = Load(host, [server.port for server in servers], clients)
        async with asyncio.TaskGroup() as tasks:
            for place in range(2):
                tasks.create_task(load.change(place))
                tasks.create_task(load.check(place))
            try:
                yield load
            finally:
                load.is_ending = True


async def until_changed(load: Load, times: int) -> None:
    """Both instances acknowledge so many further changes."""
    before = list(load.changes)

    async def changed() -> bool:
        return all(now >= then + times for now, then in zip(load.changes, before, strict=True))

    await until(changed, seconds=60)


async def failed_over(pair: Pair, proxy: Proxy | None, fault: str) -> float:
    """Let the primary die or freeze and promote the standby; the instant of the promotion."""
    await asyncio.to_thread(pair.primary.kill9 if fault == "killed" else pair.primary.pause)
    await asyncio.sleep(0.3)  # in which both instances meet the fault
    await asyncio.to_thread(pair.standby.promote_now)
    if proxy is not None:
        proxy.lead_to(pair.standby)
    return time.monotonic()


@pytest.mark.parametrize(("fault", "way"), SCENES if IS_SOAK else SCENES[:2])
@pytest.mark.parametrize("round_", range(ROUNDS))
async def test_a_promoted_standby_serves_again_and_nothing_acknowledged_is_lost(
    pair: Pair, tmp_path: Path, fault: str, way: str, round_: int
) -> None:
    async with AsyncExitStack() as stack:
        proxy: Proxy | None = None
        url = pair.of_both_hosts
        if way == "haproxy":
            servers = (pair.primary, pair.standby)
            proxy = await stack.enter_async_context(haproxy(tmp_path, servers))
            url = proxy.url(pair.url)
        async with loaded(tmp_path, pair, url) as load:
            await until_changed(load, CHANGES_BEFORE)
            promoted = await failed_over(pair, proxy, fault)
            await until_changed(load, 2)
            print(f"{fault}, {way}: served {time.monotonic() - promoted:.2f} s after promotion")
            if fault == "frozen":
                pair.primary.resume()
            await until_changed(load, CHANGES_BEFORE)
            await load.check_all()
        assert load.wrong == []
        assert load.live
        assert load.revoked
