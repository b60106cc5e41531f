"""Work in the thread's own event loop: results, errors, cancellation and database connections."""

import asyncio
import sys
import threading
from pathlib import Path

import pytest

import models
from server import database
from server.errors import Misconfigured
from server.loop_thread import loop_thread, run_here
from server.service import Service
from tests.conftest import settings_for
from tests.support.factories import World


async def test_work_runs_in_the_thread_on_connections_of_its_own(
    service: Service, world: World
) -> None:
    tenant = await world.tenant()
    here = database.connection()

    async def work() -> tuple[str, bool, str]:
        found = await models.Tenant.get(id=tenant.id)
        return threading.current_thread().name, database.connection() is here, found.slug

    async with loop_thread(service.settings) as run:
        assert await run(work) == ("graphql", False, tenant.slug)
    assert await run_here(work) == (threading.current_thread().name, True, tenant.slug)


async def test_error_of_the_work_reaches_the_caller(service: Service) -> None:
    async def work() -> None:
        raise LookupError("this one")

    async with loop_thread(service.settings) as run:
        with pytest.raises(LookupError, match="this one"):
            await run(work)


async def test_cancelling_the_call_cancels_the_work(service: Service) -> None:
    began, ended = threading.Event(), threading.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with loop_thread(service.settings) as run:
        call = asyncio.create_task(run(work))
        assert await asyncio.to_thread(began.wait, 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(ended.wait, 10)


async def test_main_loop_runs_while_the_work_computes(service: Service) -> None:
    """The work never yields: the interpreter has to switch between the two threads."""
    enough = threading.Event()

    async def work() -> None:
        while not enough.is_set():
            pass

    async with loop_thread(service.settings) as run:
        call = asyncio.create_task(run(work))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not call.done()
        enough.set()
        await call


async def test_pending_work_is_cancelled_at_shutdown(service: Service) -> None:
    async with loop_thread(service.settings) as run:
        call = asyncio.create_task(run(asyncio.Event().wait))
        await asyncio.sleep(0.05)
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_unusable_database_is_reported_at_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="does not exist"):
        async with loop_thread(settings_for(f"sqlite://{tmp_path}/none/tessera.db")):
            pass


async def test_switch_interval_is_short_only_while_work_runs(
    service: Service,
) -> None:
    usual, enough = sys.getswitchinterval(), asyncio.Event()

    async def work() -> float:
        return sys.getswitchinterval()

    async with loop_thread(service.settings) as run:
        assert sys.getswitchinterval() == usual
        waiting = asyncio.create_task(run(enough.wait))
        assert await run(work) < usual / 100
        assert sys.getswitchinterval() < usual / 100
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert sys.getswitchinterval() == usual
