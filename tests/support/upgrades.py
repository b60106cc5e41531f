"""An upgrade under load, instance by instance behind a balancer, as docs/operating.md tells it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx2

from tests.support.command import OWNER, PASSWORD
from tests.support.factories import Client
from tests.support.haproxy import Balancer, balancer
from tests.support.postgres import PostgresServer
from tests.support.process import LOOPBACK, ServerProcess
from tests.support.upgrade_load import DENIED, GRANTED, REVOKED, Load, loaded, whole_life
from tests.support.versions import Version
from tests.support.waiting import until
from tests.support.webhooks import Receiver, receiving
from tests.support.wire import Wire

INSTANCES = 2
_SETTINGS = {"TESSERA_WEBHOOK_NETWORKS": "127.0.0.0/8"}
_DECISIONS = "SELECT sum(allowed)::int, sum(denied)::int FROM token_use"


@dataclass(frozen=True)
class Served:
    """A version and its instances, of which some run."""

    version: Version
    instances: list[ServerProcess]


@dataclass(frozen=True)
class Upgrade:
    """Two versions on one database, and the clients of both."""

    url: str
    place: Path
    old: Served
    new: Served
    balancer: Balancer
    load: Load

    async def migrate(self) -> list[str]:
        """Run the new version's `tessera migrate`; returns the migrations that it applied."""
        said = await asyncio.to_thread(self.new.version.run, self.url, "migrate", place=self.place)
        lines = [line for line in said.splitlines() if line.startswith("Applied ")]
        return [line.removeprefix("Applied ").removesuffix(".") for line in lines]

    async def replace(self, before: Served, after: Served) -> None:
        """Replace the instances one by one; both versions serve side by side meanwhile."""
        for leaving, coming in zip(before.instances, after.instances, strict=True):
            await asyncio.to_thread(coming.start)
            await self._gets_requests(coming, True)
            await self.load.goes_on()
            await self._lives_across(leaving.port, coming.port)
            if not before.version.has_shutdown_delay:
                await self.balancer.take_out(leaving.port)
                await asyncio.sleep(1)
            assert await asyncio.to_thread(leaving.stop) == 0, leaving.log()[-4000:]
            await self._gets_requests(leaving, False)
            if not before.version.has_shutdown_delay:
                await self.balancer.put_back(leaving.port)
            await self.load.goes_on()

    async def _gets_requests(self, instance: ServerProcess, does: bool) -> None:
        async def noticed() -> bool:
            return (instance.port in await self.balancer.ready()) is does

        await until(noticed)

    async def _lives_across(self, *ports: int) -> None:
        """Change tokens at one instance after the other; each change holds at both at once."""
        async with AsyncExitStack() as stack:
            clients, wires = [], []
            for port in ports:
                http = httpx2.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", timeout=30)
                await stack.enter_async_context(http)
                clients.append(Client(http, self.load.session))
                wires.append(await stack.enter_async_context(Wire(port)))
            for _ in range(2):  # begun at one version, then at the other
                await whole_life(self.load, clients, wires, "across", is_revoked=True)
                clients.reverse()

    async def decisions(self) -> tuple[int, int]:
        """How many checks the database has as allowed, and how many as denied."""
        connection = await asyncpg.connect(self.url)
        try:
            allowed, denied = await connection.fetchrow(_DECISIONS)
            return allowed, denied
        finally:
            await connection.close()


@asynccontextmanager
async def upgrading(old: Version, new: Version, url: str, place: Path) -> AsyncIterator[Upgrade]:
    """Instances of the old version serve a new tenant under load; those of the new are not started.

    At the end, each creation of a token must have been told to a webhook.
    """
    await asyncio.to_thread(_prepare, old, url, place)
    receiver = Receiver()
    async with AsyncExitStack() as stack:
        served = [_served(version, url, place) for version in (old, new)]
        # Ends those that run, of whichever version.
        for one in served:
            for instance in one.instances:
                stack.push(instance.__exit__)
        for instance in served[0].instances:
            await asyncio.to_thread(instance.start)
        ports = [instance.port for one in served for instance in one.instances]
        balancing = await stack.enter_async_context(balancer(place, ports))
        await stack.enter_async_context(receiving(receiver))
        async with loaded(balancing.port, receiver.url) as load:
            yield Upgrade(url, place, served[0], served[1], balancing, load)

        async def all_told() -> bool:
            told = {one.content["data"]["token"]["id"] for one in receiver.got}
            return told == {*load.created}

        await until(all_told)


def _prepare(version: Version, url: str, place: Path) -> None:
    create = ("tenant", "create", "acme", *OWNER, "--password-stdin")
    version.run(url, "migrate", place=place)
    version.run(url, *create, place=place, stdin=f"{PASSWORD}\n")
    version.run(url, "tenant", "limit", "acme", "1000000000", place=place)


def _served(version: Version, url: str, place: Path) -> Served:
    return Served(version, [version.instance(place, url, _SETTINGS) for _ in range(INSTANCES)])


async def upgraded_and_back(
    old: Version, new: Version, postgres: PostgresServer, place: Path
) -> list[str]:
    """Upgrade, and go back to the old version on the new schema, all under load.

    Every request must get its right answer, and every decision and event must arrive. Returns the
    names of the migrations that were applied.
    """
    url = await postgres.create_database()
    async with upgrading(old, new, url, place) as upgrade:
        load = upgrade.load
        await load.goes_on()
        applied = await upgrade.migrate()
        await load.goes_on()
        await upgrade.replace(upgrade.old, upgrade.new)
        await upgrade.replace(upgrade.new, upgrade.old)
    allowed, denied = load.checks[GRANTED], load.checks[DENIED] + load.checks[REVOKED]
    assert await upgrade.decisions() == (allowed, denied)
    await postgres.drop_database(url)
    longest = max(load.longest, key=lambda name: load.longest[name])
    print(
        f"{old.name} to {new.name} and back: {load.served} requests, {load.checks.total()} of them"
        f" checks, none refused; the longest answer took {load.longest[longest]:.2f} s ({longest})"
    )
    return applied
