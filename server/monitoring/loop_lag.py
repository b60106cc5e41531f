"""Measures the delay of event loops: a blocked loop delays every request in it."""

import asyncio
from typing import Protocol

from server.monitoring.metrics import LOOP_LAG

_EVERY_SECONDS = 0.5


class _Observer(Protocol):
    def observe(self, amount: float) -> None: ...


class LoopWatch:
    """Watches event loops until `stop`."""

    def __init__(self) -> None:
        self._is_ended = False

    async def start(self, name: str) -> None:
        """Watch the running event loop. name: the label of its metric."""
        self._next(LOOP_LAG.labels(name))

    def stop(self) -> None:
        """End within half a second; may be called in any thread."""
        self._is_ended = True

    def _next(self, observer: _Observer) -> None:
        if not self._is_ended:
            loop = asyncio.get_running_loop()
            due = loop.time() + _EVERY_SECONDS
            loop.call_at(due, self._measure, observer, due)

    def _measure(self, observer: _Observer, due: float) -> None:
        observer.observe(max(0.0, asyncio.get_running_loop().time() - due))
        self._next(observer)
