"""A tenant's limit of requests an hour: exact on two instances, and without its store."""

import asyncio
import re
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest

import models
from server.decisions.limits import Count, Left, MemoryRateLimiter, Peeked, RedisRateLimiter
from server.decisions.terms import Terms
from server.operations import tokens
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import World
from tests.support.process import ServerProcess
from tests.support.valkey import store
from tests.support.waiting import PATIENCE_SECONDS
from tests.support.wire import Wire, check

KEY = "GET /api/v1/devices"
CLIENTS = 32
# It takes a second on an idle machine, and for ever where each request waits.
_IN_TIME = 20


async def create_rows(url: str, requests_per_hour: int | None) -> bytes:
    """Create rows; returns a check that passes, of a tenant with this limit."""
    async with running_service(settings_for(url)) as service:
        person = await World(service).person()
        tenant = models.Tenant.filter(id=person.admin.tenant_id)
        await tenant.update(requests_per_hour=requests_per_hour)
        made = await tokens.create(person.principal, service, name="t", permissions=[KEY])
        return check(f"{(await tenant.get()).slug}.api.us.example.com", made.secret)


async def by_many(ports: list[int], times: int, request: bytes) -> Counter[int]:
    """The statuses of this many checks, sent by 32 clients to the instances in turn."""
    left = iter(range(times))
    statuses: Counter[int] = Counter()

    async def client(number: int, wire: Wire) -> None:
        for _ in left:
            statuses[await wire.ask(request)] += 1

    async with AsyncExitStack() as stack:
        wires = [
            await stack.enter_async_context(Wire(ports[n % len(ports)])) for n in range(CLIENTS)
        ]
        await asyncio.gather(*(client(n, wire) for n, wire in enumerate(wires)))
    return statuses


async def within_one_hour(work: Callable[[], Awaitable[Counter[int]]]) -> Counter[int]:
    """Skip the end of an hour, when counting would start again."""
    if (left := 3600 - time.time() % 3600) < 40:
        await asyncio.sleep(left + 0.1)
    return await work()


def test_count_restarts_at_the_full_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    rate_limit, counts, now = MemoryRateLimiter(), list[Count | None](), 7_199.9
    monkeypatch.setattr(time, "time", lambda: now)

    def hit(limit: int | None, tenant: str = "a tenant") -> Count | None:
        rate_limit.hit(Terms(tenant, limit, "a token", None, holds=True), counts.append)
        return counts.pop()

    assert [hit(2) for _ in range(3)] == [
        Count(False, 2, 1, 1), Count(False, 2, 0, 1), Count(True, 2, 0, 1)
    ]  # fmt: skip
    now = 7_200
    assert hit(2) == Count(False, 2, 1, 3_600)
    # A new limit applies from now on, and the count goes on.
    assert hit(5) == Count(False, 5, 3, 3_600)
    assert hit(2) == Count(True, 2, 0, 3_600)
    # Refused requests are not counted.
    assert hit(3) == Count(False, 3, 0, 3_600)
    assert hit(None, "another") == Count(False, 10_000, 9_999, 3_600)


def test_request_counts_in_both_limits_or_in_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    rate_limit, counts = MemoryRateLimiter(), list[Count | None]()
    monkeypatch.setattr(time, "time", lambda: 3_600)

    def hit(token: str, own_limit: int | None, limit: int = 5) -> Count | None:
        asked = Terms("a tenant", limit, token, None, holds=True, token_limit=own_limit)
        rate_limit.hit(asked, counts.append)
        return counts.pop()

    assert hit("one", 2) == Count(False, 2, 1, 3_600, "token-hour", 5)
    assert hit("one", 2) == Count(False, 2, 0, 3_600, "token-hour", 5)
    for _ in range(3):
        assert hit("one", 2) == Count(True, 2, 0, 3_600, "token-hour", 5)
    # The three refused ones left the tenant's count alone.
    assert hit("other", None) == Count(False, 5, 2, 3_600)
    assert hit("third", 9) == Count(False, 5, 1, 3_600, "hour", 9)
    assert hit("third", 9) == Count(False, 5, 0, 3_600, "hour", 9)
    for _ in range(3):
        assert hit("third", 9) == Count(True, 5, 0, 3_600, "hour", 9)
    # Nor did those that the tenant's limit refused count for the token.
    assert hit("third", 9, limit=100) == Count(False, 9, 6, 3_600, "token-hour", 100)


async def test_what_is_left_is_told_without_counting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Terms("a tenant", 5, "one", None, holds=True, token_limit=3)
    unlimited = asked._replace(token_limit=None)
    with store(tmp_path) as redis:
        for limiter in (MemoryRateLimiter(), RedisRateLimiter(redis.url)):
            monkeypatch.setattr(time, "time", lambda: 7_205)
            for left in (3, 2, 1, 0, 0):
                peeked = [await limiter.peek(asked) for _ in range(2)]
                assert peeked == [Peeked(Left(5, left + 2), Left(3, left), 3_595)] * 2
                assert await limiter.peek(unlimited) == Peeked(Left(5, left + 2), None, 3_595)
                counted: asyncio.Future[Count | None] = asyncio.get_running_loop().create_future()
                limiter.hit(asked, counted.set_result)
                assert (count := await counted)
                assert count.limited == (left == 0)
            # An hour later all of it is there again, before any request.
            monkeypatch.setattr(time, "time", lambda: 10_801)
            assert await limiter.peek(asked) == Peeked(Left(5, 5), Left(3, 3), 3_599)
            await limiter.close()
        redis.stop()
        assert await RedisRateLimiter(redis.url).peek(asked) is None


async def test_store_counts_a_request_in_both_limits_or_in_neither(tmp_path: Path) -> None:
    with store(tmp_path) as redis:
        rate_limit = RedisRateLimiter(redis.url)

        async def hit(token: str, own_limit: int | None, limit: int = 5) -> tuple[bool, int, str]:
            asked = Terms("a tenant", limit, token, None, holds=True, token_limit=own_limit)
            counted: asyncio.Future[Count | None] = asyncio.get_running_loop().create_future()
            rate_limit.hit(asked, counted.set_result)
            count = await counted
            assert count is not None
            return count.limited, count.remaining, count.name

        async def of_the_hour() -> Counter[int]:
            assert [await hit("one", 2) for _ in range(4)] == [
                (False, 1, "token-hour"), (False, 0, "token-hour"),
                (True, 0, "token-hour"), (True, 0, "token-hour"),
            ]  # fmt: skip
            assert [await hit("third", 9) for _ in range(4)] == [
                (False, 2, "hour"), (False, 1, "hour"), (False, 0, "hour"), (True, 0, "hour")
            ]  # fmt: skip
            assert await hit("third", 9, limit=100) == (False, 5, "token-hour")
            at_once = await asyncio.gather(*(hit("many", 50, limit=100) for _ in range(200)))
            return Counter(limited for limited, _, _ in at_once)

        assert await within_one_hour(of_the_hour) == {False: 50, True: 150}
        await rate_limit.close()


async def test_of_10_001_requests_to_two_instances_exactly_10_000_pass(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/tessera.db"
    request = await create_rows(url, None)
    with store(tmp_path) as redis:
        settings = {"TESSERA_RATE_LIMIT_URL": redis.url}
        with (
            ServerProcess(tmp_path, database_url=url, settings=settings) as one,
            ServerProcess(tmp_path, database_url=url, settings=settings) as two,
        ):
            ports = [one.port, two.port]
            statuses = await within_one_hour(lambda: by_many(ports, 10_001, request))
            assert statuses == {200: 10_000, 403: 1}
            async with Wire(two.port) as wire:
                status, head = await wire.ask_whole(request)
            assert status == 403
            assert b"\r\nx-tessera-status: 429\r\n" in head
            assert b'\r\nratelimit: "hour";r=0;t=' in head


async def test_limit_in_memory_is_exact(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/tessera.db"
    request = await create_rows(url, 500)
    with ServerProcess(tmp_path, database_url=url) as server:
        statuses = await within_one_hour(lambda: by_many([server.port], 600, request))
    assert statuses == {200: 500, 403: 100}


async def of_10_that_count(port: int, request: bytes) -> Counter[int]:
    """The statuses of ten checks, from the first on that the store counts."""
    async with Wire(port) as wire, asyncio.timeout(PATIENCE_SECONDS):
        while True:
            status, head = await wire.ask_whole(request)
            if b"\r\nratelimit: " in head:
                break
            await asyncio.sleep(0.05)
    return Counter([status]) + await by_many([port], 9, request)


def counted(server: ServerProcess, metric: str) -> float:
    with urlopen(f"{server.url}/metrics") as answer:
        text = answer.read().decode()
    found = re.search(rf"^{metric} (\S+)$", text, re.MULTILINE)
    assert found, f"no {metric}"
    return float(found[1])


async def test_requests_pass_and_a_warning_is_logged_while_the_store_is_down(
    tmp_path: Path,
) -> None:
    url = f"sqlite://{tmp_path}/tessera.db"
    request = await create_rows(url, 5)
    with store(tmp_path) as redis:
        settings = {"TESSERA_RATE_LIMIT_URL": redis.url}
        with ServerProcess(tmp_path, database_url=url, settings=settings) as server:
            assert counted(server, "tessera_rate_limit_store_errors_total") == 0
            redis.stop()
            started = time.monotonic()
            assert await by_many([server.port], 100, request) == {200: 100}
            # Requests do not each wait for the store.
            assert time.monotonic() - started < _IN_TIME
            assert counted(server, "tessera_rate_limit_store_errors_total") >= 100
            # The warning is rate limited, not one per request.
            assert 1 <= server.log().count("rate limits are not enforced") <= 6
            redis.start()
            statuses = await within_one_hour(lambda: of_10_that_count(server.port, request))
            assert statuses == {200: 5, 403: 5}
            # A store that hangs counts as down.
            redis.signal(signal.SIGSTOP)
            started = time.monotonic()
            assert await by_many([server.port], 50, request) == {200: 50}
            assert time.monotonic() - started < _IN_TIME
            redis.signal(signal.SIGCONT)
