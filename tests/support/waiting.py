"""Waits for something to happen, by looking again and again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

# For events within a second or two on an idle machine. A failing test alone waits so long.
PATIENCE_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.01
_ASK_AGAIN_SECONDS = 0.1


async def until(happens: Callable[[], Awaitable[Any]], seconds: float = PATIENCE_SECONDS) -> None:
    """Return once `happens` gives something true. Raises `TimeoutError` after `seconds`."""
    async with asyncio.timeout(seconds):
        while True:
            if await happens():
                return
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def wait_until(
    holds: Callable[[], Any],
    seconds: float = PATIENCE_SECONDS,
    tell: Callable[[], object] = lambda: "",
) -> None:
    """Return once `holds` gives something true. Fails after `seconds`, with what `tell` gives."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, tell()
        time.sleep(_ASK_AGAIN_SECONDS)
