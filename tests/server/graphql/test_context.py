"""The loaders of a request."""

import asyncio
from collections.abc import Sequence

from server.graphql.context import Loader


async def test_field_that_is_cancelled_cancels_no_other_that_waits_for_the_same() -> None:
    """graphql-core cancels the fields beside one that failed."""
    asked = asyncio.Event()

    async def load(keys: Sequence[int]) -> list[str]:
        await asked.wait()
        return [f"value {key}" for key in keys]

    async def field() -> str:
        return await loader.load(1)

    loader = Loader(load_fn=load)
    failed, waiting = asyncio.create_task(field()), asyncio.create_task(field())
    await asyncio.sleep(0)
    failed.cancel()
    await asyncio.wait([failed])
    asked.set()
    assert await waiting == "value 1"
    assert await loader.load(1) == "value 1"
