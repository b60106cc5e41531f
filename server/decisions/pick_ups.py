"""Pick-ups: the first use of a new secret, after which the old one drains.

`note` never waits. The pick-up is written at once in the background, and tried again every second
while the database is unavailable. Until it is written, the old secret lives on: a crash makes it
live longer, never shorter. The new secret's next use notes it again.
"""

import asyncio
import logging
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

import models
from models import ActivityKind
from server import database
from server.access.activity import record_by_holder
from server.conditions import to_milliseconds
from server.database import database_now, reaching, retried, transaction
from server.decisions import rotations

MAX_NOTED = 10_000
_RETRY_SECONDS = 1.0
_MAX_ADDRESS = 64
_log = logging.getLogger("tessera.pick_ups")


class _PickUp(NamedTuple):
    tenant_id: str
    token_id: str
    # Those of the secret that was used, of which at most one is kept.
    digests: tuple[bytes, ...]
    address: str


class PickUps:
    """The pick-ups of one instance that are not written yet."""

    def __init__(self) -> None:
        self._noted: dict[tuple[bytes, ...], _PickUp] = {}
        self._writing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def note(self, tenant_id: str, token_id: str, digests: tuple[bytes, ...], address: str) -> None:
        """Note that a new secret, kept as one of `digests`, was used from `address`.

        Beyond `MAX_NOTED` it is dropped: the next use is noted.
        """
        if digests in self._noted or len(self._noted) >= MAX_NOTED:
            return
        self._noted[digests] = _PickUp(tenant_id, token_id, digests, address)
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write_all())
            self._writing.add_done_callback(self._written)

    async def close(self) -> None:
        """Write the rest. The next use notes again the pick-ups that the database does not take."""
        self._closing.set()
        if self._writing is not None:
            await self._writing

    def _written(self, _task: asyncio.Task[None]) -> None:
        self._writing = None

    async def _write_all(self) -> None:
        while self._noted:
            for pick_up in list(self._noted.values()):
                if await self._write(pick_up):
                    continue
                if self._closing.is_set():
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), _RETRY_SECONDS)
                break

    async def _write(self, pick_up: _PickUp) -> bool:
        """Whether it is done with; False for one to be tried again."""
        try:
            with reaching(UUID(pick_up.tenant_id)):
                await _record(pick_up)
        except Exception as error:
            if database.is_unavailable(error):
                return False
            _log.error("a pick-up could not be recorded", exc_info=error)
        self._noted.pop(pick_up.digests, None)
        return True


@retried
async def _record(pick_up: _PickUp) -> None:
    tenant_id, token_id = UUID(pick_up.tenant_id), UUID(pick_up.token_id)
    address = pick_up.address[:_MAX_ADDRESS]
    async with transaction():
        live = models.Token.filter(tenant_id=tenant_id, id=token_id, **models.LIVE)
        token = await live.select_for_update().get_or_none()
        if token is None:
            return
        at = to_milliseconds(await database_now())
        if await rotations.pick_up(token, pick_up.digests, address, at):
            await record_by_holder(ActivityKind.ROTATION_PICKED_UP, token, address)
