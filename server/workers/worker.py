"""The state of a process as one of several workers."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from server.workers.counts import SharedCounts
from server.workers.exchange import Exchange
from server.workers.locks import SharedLock


@dataclass(frozen=True, slots=True)
class Shared:
    """The common parts of an instance's workers; made before they are."""

    counts: SharedCounts
    exchange: Exchange
    log_turn: SharedLock


@dataclass(frozen=True, slots=True)
class Worker:
    """This process among the workers of its instance.

    number: 1 to as many as there are; a worker that replaces another has its number. is_first:
    whether it is the first process of the instance, which speaks for all. supervised: a descriptor
    that is at its end once the supervisor has ended. ready: takes a byte once this worker serves.
    """

    number: int
    is_first: bool
    shared: Shared
    supervised: int
    ready: int

    def tell_ready(self) -> None:
        """Tell the supervisor that this worker serves. Called once."""
        os.write(self.ready, b"!")
        os.close(self.ready)

    def answer_others(self, answer: Callable[[], bytes]) -> None:
        """From now on, answer to the other workers' questions, in the running event loop."""
        self.shared.exchange.serve(self.number, answer)

    async def ask_others(self) -> dict[int, bytes | None]:
        """The answers of all other workers by number; None of those that do not answer in time."""
        return await self.shared.exchange.ask_others(self.number)
