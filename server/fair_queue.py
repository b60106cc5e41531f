"""A queue for slow work: bounded, and fair between its callers."""

from asyncio import Future, get_running_loop
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from server.errors import Busy


class FairQueue:
    """Lets `places` callers work at once; the others wait, and take turns by caller.

    A caller who sends many requests waits behind itself: each other caller waits for at most one
    of them. Beyond `max_waiting` requests, or `max_of_one` of one caller, none waits.
    """

    def __init__(self, *, places: int, max_waiting: int, max_of_one: int) -> None:
        self._free = places
        self._max_waiting = max_waiting
        self._max_of_one = max_of_one
        # In the order of turns: the caller at the front is next.
        self._waiting: dict[Hashable, deque[Future[None]]] = {}
        self._count = 0

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return self._count

    @asynccontextmanager
    async def turn(self, caller: Hashable) -> AsyncIterator[None]:
        """Work within, when it is the caller's turn. Raises `Busy` at once where none may wait.

        A cancelled request leaves the queue.
        """
        if self._free:
            self._free -= 1
        else:
            await self._wait(caller)
        try:
            yield
        finally:
            self._next()

    async def _wait(self, caller: Hashable) -> None:
        own = self._waiting.get(caller)
        if self._count >= self._max_waiting or (own and len(own) >= self._max_of_one):
            raise Busy
        turn: Future[None] = get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(turn)
        self._count += 1
        try:
            await turn
        except BaseException:
            if turn.cancelled():
                self._forget(caller, turn)
            else:  # its turn came just as it was cancelled
                self._next()
            raise

    def _next(self) -> None:
        """Hand the place over to the next caller, or keep it free."""
        while self._waiting:
            caller = next(iter(self._waiting))
            turn = self._waiting[caller].popleft()
            self._count -= 1
            own = self._waiting.pop(caller)
            if own:
                self._waiting[caller] = own
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _forget(self, caller: Hashable, turn: Future[None]) -> None:
        own = self._waiting.get(caller)
        if own and turn in own:
            own.remove(turn)
            self._count -= 1
            if not own:
                del self._waiting[caller]
