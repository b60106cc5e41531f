"""A thread with an event loop and database connections of its own, for costly requests.

GraphQL runs there while an instance serves. A query that completes thousands of objects then delays
a check, a session or a sign-in only by a few switches of the interpreter. Its statements never use
a connection that these need.
"""

import asyncio
import sys
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from contextvars import Context, copy_context
from threading import Thread
from typing import Protocol, TypeVar

import uvloop

from server import database
from server.settings import Settings

# While work is under way: CPython's own 5 ms would pass before each step of a check (read, look up,
# answer). Otherwise its own: the threads that write decisions and the log would take turns with the
# main loop as often, and a check would take a fifth longer.
_SWITCH_SECONDS = 0.00002
_T = TypeVar("_T")


class Runner(Protocol):
    """Runs a coroutine function to its end, here or elsewhere."""

    async def __call__(self, work: Callable[[], Awaitable[_T]], /) -> _T:
        """The result of `work`. Raises its errors; cancelling the call cancels `work`."""


async def run_here(work: Callable[[], Awaitable[_T]], /) -> _T:
    """Run `work` in the caller's event loop."""
    return await work()


@asynccontextmanager
async def loop_thread(settings: Settings) -> AsyncIterator[Runner]:
    """Start the thread; gives the runner that runs in it. Ends the thread on the way out."""
    thread = _LoopThread(settings)
    await asyncio.wrap_future(thread.started)
    try:
        yield thread.run
    finally:
        await thread.stop()


class _LoopThread:
    def __init__(self, settings: Settings) -> None:
        self.started: Future[None] = Future()
        self._settings = settings
        self._ending = asyncio.Event()
        self._running = 0
        self._switch_seconds = sys.getswitchinterval()
        self._loop: AbstractEventLoop
        self._context: Context
        self._thread = Thread(target=self._run_loop, name="graphql", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[], Awaitable[_T]], /) -> _T:
        result: Future[_T] = Future()
        self._running += 1
        sys.setswitchinterval(_SWITCH_SECONDS)
        try:
            self._loop.call_soon_threadsafe(self._start, work, result)
            return await asyncio.wrap_future(result)
        finally:
            self._running -= 1
            if not self._running:
                sys.setswitchinterval(self._switch_seconds)

    async def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        await asyncio.to_thread(self._thread.join)

    def _run_loop(self) -> None:
        try:
            uvloop.run(self._serve())
        except BaseException as error:
            if self.started.done():
                raise
            self.started.set_exception(error)

    async def _serve(self) -> None:
        async with database.connected(self._settings, shared=False) as connections:
            self._loop = asyncio.get_running_loop()
            with connections:
                self._context = copy_context()
                # Connect, before other instances take the server's last connections.
                await database.ping()
                await database.settle_distribution()
                await database.settle_row_security()
            self.started.set_result(None)
            await self._ending.wait()

    def _start(self, work: Callable[[], Awaitable[_T]], result: Future[_T]) -> None:
        # Not in a copy of the caller's context: that one leads to the main loop's connections.
        task = self._loop.create_task(_finish(work, result), context=self._context.copy())

        def cancel(done: Future[_T]) -> None:
            if done.cancelled():
                self._loop.call_soon_threadsafe(task.cancel)

        result.add_done_callback(cancel)


async def _finish(work: Callable[[], Awaitable[_T]], result: Future[_T]) -> None:
    """Set `result` to the outcome of `work`, unless the caller has cancelled it."""
    try:
        value = await work()
    except BaseException as error:
        if result.set_running_or_notify_cancel():
            result.set_exception(error)
    else:
        if result.set_running_or_notify_cancel():
            result.set_result(value)
