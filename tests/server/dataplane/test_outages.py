"""While the database hangs, crashes or is slow, checks are answered 503 in time; soon after it is
back the same process allows them again.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import models
from server import database
from server.operations import tokens
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import World
from tests.support.postgres import PostgresCluster
from tests.support.process import ServerProcess
from tests.support.waiting import PATIENCE_SECONDS, until
from tests.support.wire import Wire, check

KEY = "GET /api/v1/devices"
CLIENTS = 8
# Two seconds, and a margin for a busy machine.
IN_TIME = 3.5


@dataclass
class CheckedServer:
    cluster: PostgresCluster
    url: str
    server: ServerProcess
    request: bytes


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CheckedServer]:
    folder: Path = tmp_path_factory.mktemp("outages")
    with PostgresCluster() as cluster:
        url = cluster.create_database_now()
        request = asyncio.run(create_rows(url))
        with ServerProcess(folder, database_url=url) as server:
            yield CheckedServer(cluster, url, server, request)


async def create_rows(url: str) -> bytes:
    """Create rows; returns a check that passes."""
    await database.migrate(settings_for(url))
    async with running_service(settings_for(url)) as service:
        person = await World(service).person()
        tenants = models.Tenant.filter(id=person.admin.tenant_id)
        await tenants.update(requests_per_hour=10**9)
        made = await tokens.create(person.principal, service, name="t", permissions=[KEY])
        return check(f"{(await tenants.get()).slug}.api.us.example.com", made.secret)


@dataclass
class Load:
    """Clients that check continuously: start, end and status of each check."""

    seen: list[tuple[float, float, int]] = field(default_factory=list)

    async def passes(self, seconds: float) -> float:
        """Wait until checks pass again; returns the seconds that took."""
        started = time.monotonic()
        while not any(began >= started and status == 200 for began, _, status in self.seen):
            assert time.monotonic() - started < seconds, self.seen[-5:]
            await asyncio.sleep(0.02)
        return time.monotonic() - started


@asynccontextmanager
async def load(checked: CheckedServer) -> AsyncIterator[Load]:
    running = Load()

    async def client(wire: Wire) -> None:
        while True:
            began = time.monotonic()
            status, head = await wire.ask_whole(checked.request)
            assert status != 503 or b"\r\nretry-after: 1\r\n" in head.lower()
            running.seen.append((began, time.monotonic(), status))
            await asyncio.sleep(0.01)

    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(Wire(checked.server.port)) for _ in range(CLIENTS)]
        tasks = [asyncio.create_task(client(wire)) for wire in wires]
        await running.passes(PATIENCE_SECONDS)
        try:
            yield running
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [end for end in ends if not isinstance(end, asyncio.CancelledError)] == []


async def recorded(checked: CheckedServer) -> int:
    """The number of allowed checks in the decision log."""
    connection = await checked.cluster.connect(checked.url.rpartition("/")[2])
    try:
        return int(await connection.fetchval("SELECT coalesce(sum(allowed), 0) FROM token_use"))
    finally:
        await connection.close()


async def ridden_out(
    checked: CheckedServer, seconds: float, strike: Callable[[], object], mend: Callable[[], object]
) -> None:
    """The promises for every kind of outage."""
    before = await recorded(checked)
    async with load(checked) as checks:
        await asyncio.to_thread(strike)
        struck = time.monotonic()
        await asyncio.sleep(seconds)
        mending = time.monotonic()
        await asyncio.to_thread(mend)
        await checks.passes(PATIENCE_SECONDS)
        await asyncio.sleep(0.5)
    within = [one for one in checks.seen if one[0] >= struck and one[1] <= mending]
    assert len(within) >= CLIENTS
    assert {status for _, _, status in within} == {503}
    assert max(ended - began for began, ended, _ in checks.seen) < IN_TIME
    assert {status for _, _, status in checks.seen} == {200, 503}
    assert "Traceback" not in checked.server.log()
    # The decision log has all decisions from before and after, some seconds late.
    passed = sum(status == 200 for _, _, status in checks.seen)

    async def all_are_recorded() -> bool:
        return await recorded(checked) - before >= passed

    await until(all_are_recorded)


async def test_no_check_passes_while_the_database_hangs(checked: CheckedServer) -> None:
    await ridden_out(checked, 4, checked.cluster.pause, checked.cluster.resume)


async def test_no_check_passes_while_the_database_crashes(checked: CheckedServer) -> None:
    await ridden_out(checked, 2, lambda: checked.cluster.stop("immediate"), checked.cluster.start)


async def test_no_check_passes_while_the_database_is_slow(checked: CheckedServer) -> None:
    """Another transaction locks the table, so that lookups wait beyond their time-out."""
    connection = await checked.cluster.connect(checked.url.rpartition("/")[2])
    try:
        async with load(checked) as checks:
            async with connection.transaction():
                await connection.execute("LOCK TABLE token_secret IN ACCESS EXCLUSIVE MODE")
                held = time.monotonic()
                await asyncio.sleep(4)
                released = time.monotonic()
            await checks.passes(5)
    finally:
        await connection.close()
    within = [one for one in checks.seen if one[0] >= held and one[1] <= released]
    assert {status for _, _, status in within} == {503}
    assert max(ended - began for began, ended, _ in checks.seen) < IN_TIME
