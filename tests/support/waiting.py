"""Waits for something to happen, by looking again and again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

_LOOK_AGAIN_SECONDS = 0.01


async def until(happens: Callable[[], Awaitable[Any]], seconds: float = 30) -> None:
    """Return once `happens` gives something true. Raises `TimeoutError` after `seconds`."""
    async with asyncio.timeout(seconds):
        while True:
            if await happens():
                return
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
