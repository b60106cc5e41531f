"""The jobs of an instance: in portions, undisturbed by faults, and ended with the instance."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

import models
from server.database import connection
from server.jobs import Job, Jobs, Lease
from server.service import Service
from tests.support.waiting import until

_DAY = timedelta(days=1)


@asynccontextmanager
async def running(*jobs: Job) -> AsyncIterator[Jobs]:
    instance = Jobs(jobs, look_every_seconds=0.02)
    instance.start()
    yield instance
    await instance.close()


async def has_last_run(name: str) -> bool:
    return await models.JobLease.filter(name=name, last_run_at__isnull=False).exists()


async def test_a_run_has_all_its_portions_and_comes_once_in_its_time(service: Service) -> None:
    begun: list[int] = []

    async def portions() -> AsyncGenerator[None, None]:
        for number in range(3):
            begun.append(number)
            yield

    async with running(Job("job", _DAY, portions)), running(Job("job", _DAY, portions)):
        await until(lambda: has_last_run("job"))
        await asyncio.sleep(0.2)
    assert begun == [0, 1, 2]
    lease = await models.JobLease.get(name="job")
    assert (lease.holder, lease.until) == (None, None)
    assert lease.last_run_at is not None


async def test_a_portion_is_undone_as_a_whole_by_its_failure(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    async def portions() -> AsyncGenerator[None, None]:
        await models.Tenant.create(slug="kept", name="Kept", region="us")
        yield
        await models.Tenant.create(slug="undone", name="Undone", region="us")
        raise ValueError("a fault of the job")

    async def other() -> AsyncGenerator[None, None]:
        yield

    async with running(Job("broken", _DAY, portions), Job("other", _DAY, other)):
        await until(lambda: has_last_run("other"))
    assert [tenant.slug for tenant in await models.Tenant.all()] == ["kept"]
    assert caplog.text.count("a job failed") == 1


async def test_an_unavailable_database_is_no_fault_and_the_run_comes_later(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    failures, done = [TimeoutError(), ConnectionResetError()], []

    async def portions() -> AsyncGenerator[None, None]:
        if failures:
            raise failures.pop()
        done.append(True)
        yield

    async with running(Job("job", _DAY, portions, lease=timedelta(seconds=0.5))):
        await until(lambda: has_last_run("job"))
    assert caplog.text == ""


async def test_the_end_waits_for_the_portion_and_leaves_the_rest_to_others(
    service: Service,
) -> None:
    inside, ended = asyncio.Event(), []

    async def portions() -> AsyncGenerator[None, None]:
        for number in range(100):
            inside.set()
            await asyncio.sleep(0.1)
            await connection().execute_query("SELECT 1")
            ended.append(number)
            yield

    async with running(Job("job", _DAY, portions)):
        await inside.wait()
    assert ended == [0]
    # Free at once, and due: the run was not complete.
    assert await Lease("job", models.new_id(), timedelta(seconds=60)).take(_DAY)


async def test_jobs_that_never_started_can_be_closed(service: Service) -> None:
    await Jobs([]).close()
    assert not await models.JobLease.exists()
