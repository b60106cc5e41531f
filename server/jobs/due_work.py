"""Processes the due keys of a queue, in any instance: webhooks, and e-mail."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Generic, TypeVar

from tortoise.expressions import Q

from server import database
from server.access.sealing import CannotOpen

LOOK_EVERY_SECONDS = 1.0
_END_SECONDS = 5.0
# Begins with a tenant's id.
Key = TypeVar("Key", bound=tuple[Any, ...])


def is_free(at: datetime) -> Q:
    """The condition that no instance leases a row at an instant of the database's clock."""
    return Q(leased_until__isnull=True) | Q(leased_until__lte=at)


class DueWork(Generic[Key]):
    """Looks for keys that are due, and handles each in a task of its own.

    name: of the queue, in log lines. find_due: gives so many keys at most, the longest due first.
    handle: leases a key and works on it; after an error the lease runs out by itself.
    max_at_once: in this instance, and of one tenant.
    database: is held around each use of the database, so that a queue uses at most one connection.
    is_ending: whether to begin nothing more.
    """

    def __init__(
        self,
        name: str,
        find_due: Callable[[int], Awaitable[Sequence[Key]]],
        handle: Callable[[Key], Awaitable[None]],
        max_at_once: tuple[int, int],
        look_every_seconds: float,
    ) -> None:
        self.database = asyncio.Lock()
        self._name = name
        self._log = logging.getLogger(f"tessera.{name}")
        self._find_due = find_due
        self._handle = handle
        self._max_at_once, self._max_of_tenant = max_at_once
        self._look_every_seconds = look_every_seconds
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._of_tenants: Counter[Any] = Counter()
        self._ending = asyncio.Event()
        self._free = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_ending(self) -> bool:
        return self._ending.is_set()

    def start(self) -> None:
        """Begin to look, in a task of the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._look())

    async def close(self) -> None:
        """End after the attempts under way. Another instance repeats an attempt that takes too
        long.
        """
        self._ending.set()
        self._free.set()
        if self._task is not None:
            await self._task
        if tasks := list(self._running.values()):
            _, late = await asyncio.wait(tasks, timeout=_END_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _look(self) -> None:
        while not self.is_ending:
            try:
                await self._start_due()
            except Exception as error:
                self._tell("the queue could not be read", error)
            # Instances that start together look at different times.
            pause = self._look_every_seconds * random.uniform(0.5, 1)  # noqa: S311 - no secret
            self._free.clear()
            if not self.is_ending:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._free.wait(), pause)

    async def _start_due(self) -> None:
        if len(self._running) >= self._max_at_once:
            return
        # Those of tenants that have their share are passed over, so look at more than are free.
        async with self.database:
            with database.reaching_every_tenant():
                due = await self._find_due(2 * self._max_at_once)
        for key in due:
            if key not in self._running and self._has_room(key):
                self._running[key] = asyncio.get_running_loop().create_task(self._run(key))
                self._of_tenants[key[0]] += 1

    def _has_room(self, key: Key) -> bool:
        is_free = len(self._running) < self._max_at_once
        return is_free and self._of_tenants[key[0]] < self._max_of_tenant

    async def _run(self, key: Key) -> None:
        try:
            with database.reaching(key[0]):
                await self._handle(key)
        except CannotOpen:
            # The next attempt may be by an instance with the key.
            self._log.warning("a secret of the queue needs the newer digest key, or was altered")
        except Exception as error:
            self._tell("an entry of the queue could not be sent", error)
        finally:
            self._end(key)

    def _end(self, key: Key) -> None:
        del self._running[key]
        self._of_tenants[key[0]] -= 1
        if not self._of_tenants[key[0]]:
            del self._of_tenants[key[0]]
        self._free.set()

    def _tell(self, sentence: str, error: Exception) -> None:
        # An outage is told by the parts that people wait for.
        if not database.is_unavailable(error):
            self._log.error(sentence, exc_info=error)
