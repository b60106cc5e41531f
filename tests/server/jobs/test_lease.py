"""Leases: one instance at a time, by the database's clock, and another one after a crash."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import models
from server.jobs import Lease, LeaseLost
from server.service import Service
from tests.support.job_worker import TABLES
from tests.support.process import Child, Worker
from tests.support.waiting import until

_NOT_EVER = timedelta(0)
_ITEMS = 300


def lease(seconds: float = 60, name: str = "job") -> Lease:
    return Lease(name, models.new_id(), timedelta(seconds=seconds))


async def test_one_of_many_instances_takes_the_lease(service: Service) -> None:
    taken = await asyncio.gather(*(lease().take(_NOT_EVER) for _ in range(20)))
    assert sum(taken) == 1
    assert await lease(name="another job").take(_NOT_EVER)


async def test_expired_lease_is_taken_over_and_stops_its_holder(
    service: Service,
) -> None:
    first, second = lease(), lease()
    assert await first.take(_NOT_EVER)
    assert not await second.take(_NOT_EVER)
    await models.JobLease.filter(name="job").update(until=models.now() - timedelta(seconds=1))
    assert await second.take(_NOT_EVER)
    with pytest.raises(LeaseLost):
        async with first.held():
            raise AssertionError("ran without its lease")
    with pytest.raises(LeaseLost):
        await first.finish()
    await first.give_up()
    async with second.held():
        pass


async def test_each_batch_renews_the_lease(service: Service) -> None:
    working, waiting = lease(), lease()
    assert await working.take(_NOT_EVER)
    for _ in range(3):
        soon = models.now() + timedelta(seconds=30)
        await models.JobLease.filter(name="job").update(until=soon)
        async with working.held():
            pass
        renewed = (await models.JobLease.get(name="job")).until
        assert renewed is not None
        assert renewed > soon
        assert not await waiting.take(_NOT_EVER)


async def test_finished_run_is_not_repeated_before_its_time(service: Service) -> None:
    done, next_one = lease(), lease()
    assert await done.take(_NOT_EVER)
    await done.finish()
    hour = timedelta(hours=1)
    assert not await next_one.take(hour)
    await models.JobLease.filter(name="job").update(last_run_at=models.now() - 2 * hour)
    assert await next_one.take(hour)
    await next_one.give_up()
    assert await done.take(hour)


async def test_clock_of_an_instance_does_not_matter(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = time.time() + 3600
    assert await lease().take(_NOT_EVER)
    monkeypatch.setattr(time, "time", lambda: ahead)
    assert not await lease().take(_NOT_EVER)


@asynccontextmanager
async def tables(url: str) -> AsyncIterator[Any]:
    database = await asyncpg.connect(url)
    try:
        await database.execute(TABLES)
        await database.execute("INSERT INTO work SELECT generate_series(1, $1::int)", _ITEMS)
        yield database
    finally:
        await database.close()


def worker(folder: Path, url: str, number: int, *fault: str) -> Worker:
    log = folder / f"worker-{number}.log"
    return Worker("tests.support.job_worker", [url, "1", *fault], log=log)


async def holds(database: Any, condition: str) -> None:
    await until(lambda: database.fetchval(f"SELECT {condition}"))


async def _stopped_within(instance: Child, database: Any) -> bool:
    """Stop the instance. Whether it has renewed its lease in a transaction that is open; otherwise
    it goes on."""
    instance.signal(signal.SIGSTOP)
    await asyncio.sleep(0.01)
    # A transaction has an id once it has written.
    renewed = "state = 'idle in transaction' AND backend_xid IS NOT NULL"
    query = (
        f"SELECT count(*) FROM pg_stat_activity WHERE {renewed} AND datname = current_database()"
    )
    if await database.fetchval(query):
        return True
    instance.signal(signal.SIGCONT)
    return False


async def test_two_instances_never_run_a_job_at_once_and_one_takes_over_after_a_kill(
    postgres_url: str, tmp_path: Path
) -> None:
    async with tables(postgres_url) as database:
        with ExitStack() as running:
            workers = [
                running.enter_context(worker(tmp_path, postgres_url, number)) for number in (1, 2)
            ]
            await holds(database, "count(*) >= 50 FROM done")
            busy = await database.fetchval("SELECT worker FROM done ORDER BY id DESC LIMIT 1")
            killed = next(one for one in workers if one.pid == busy)
            killed.kill9()
            await holds(database, f"count(*) = {_ITEMS} FROM done")
        done = await database.fetch("SELECT id, worker FROM done")
        assert sorted(row["id"] for row in done) == list(range(1, _ITEMS + 1))
        assert len({row["worker"] for row in done}) == 2
        assert await database.fetchval("SELECT count(*) FROM overlap") == 0


async def test_stalled_instance_with_an_open_transaction_keeps_the_job(
    postgres_url: str, tmp_path: Path
) -> None:
    """The lease runs out meanwhile; the locked row still keeps the job."""
    async with tables(postgres_url) as database:
        with worker(tmp_path, postgres_url, 1) as first:
            await holds(database, "count(*) >= 20 FROM done")
            # Stopped within a portion: its transaction is open while it sleeps.
            await until(lambda: _stopped_within(first, database))
            with worker(tmp_path, postgres_url, 2):
                before = await database.fetchval("SELECT count(*) FROM done")
                await asyncio.sleep(2.5)
                assert await database.fetchval("SELECT count(*) FROM done") == before
                first.signal(signal.SIGCONT)
                await holds(database, f"count(*) = {_ITEMS} FROM done")
        assert await database.fetchval("SELECT count(DISTINCT id) FROM done") == _ITEMS
        assert await database.fetchval("SELECT count(*) FROM overlap") == 0


async def test_without_a_lease_the_overlap_is_noticed(postgres_url: str, tmp_path: Path) -> None:
    async with tables(postgres_url) as database:
        with ExitStack() as running:
            for number in (1, 2):
                running.enter_context(worker(tmp_path, postgres_url, number, "unleased"))
            await holds(database, "count(*) > 0 FROM overlap")
