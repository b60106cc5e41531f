"""Runs the jobs of one instance, from its start to its end."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import timedelta

import models
from server import database
from server.jobs.lease import Lease, LeaseLost

_LOOK_EVERY_SECONDS = 60.0
_END = object()
_log = logging.getLogger("tessera.jobs")


@dataclass(frozen=True, slots=True)
class Job:
    """Work that one instance at a time does in the background.

    name: of its lease. every: the time between two runs. portions: does the work, and yields after
    each portion. A portion runs in one transaction, so that it takes milliseconds and waits for
    nothing but the database. An interrupted run is started anew: the work must allow it.
    """

    name: str
    every: timedelta
    portions: Callable[[], AsyncGenerator[None, None]]
    lease: timedelta = timedelta(minutes=1)


class Jobs:
    """The jobs of one instance. Looks every minute for those that are due."""

    def __init__(
        self, jobs: Sequence[Job], look_every_seconds: float = _LOOK_EVERY_SECONDS
    ) -> None:
        self._jobs = jobs
        self._look_every_seconds = look_every_seconds
        self._instance = models.new_id()
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for jobs, in a task of the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._look())

    async def close(self) -> None:
        """End after the portion under way, and let other instances go on with the job."""
        self._ending.set()
        if self._task is not None:
            await self._task

    async def _look(self) -> None:
        while not self._ending.is_set():
            # Instances that start together look at different times.
            pause = self._look_every_seconds * random.uniform(0.5, 1)  # noqa: S311 - no secret
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause)
            for job in self._jobs:
                if not self._ending.is_set():
                    await self._try(job)

    async def _try(self, job: Job) -> None:
        """Run a job if it is due. If the database is unavailable, the next look tries again."""
        try:
            with database.reaching_every_tenant():
                await self._run(job)
        except LeaseLost:
            _log.warning("another instance took a job over", extra={"detail": job.name})
        except Exception as error:
            if not database.is_unavailable(error):
                _log.error("a job failed", exc_info=error, extra={"detail": job.name})

    async def _run(self, job: Job) -> None:
        lease = Lease(job.name, self._instance, job.lease)
        if not await lease.take(job.every):
            return
        async with aclosing(job.portions()) as portions:
            while not self._ending.is_set():
                async with lease.held():
                    if await anext(portions, _END) is _END:
                        break
            else:
                await lease.give_up()
                return
        await lease.finish()
