"""Ends the tokens of leaked secrets: at once, or from a queue."""

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import NamedTuple

from server import database
from server.database import reaching
from server.decisions.holders import find_holder
from server.errors import Busy, NotFound
from server.operations import holder

# Secrets that wait. Each takes one lookup, and a known one a transaction.
MAX_WAITING = 20_000
_AGAIN_AFTER_SECONDS = 1.0
_END_SECONDS = 5.0
# States of secrets that open nothing any more. A retired one ends no token: the old secret of a
# rotation may lie about for long.
_ENDED = {"REVOKED", "RETIRED"}
_log = logging.getLogger("tessera.leaks")


async def end_leaked(
    digests: Collection[bytes],
    address: str,
    found_at: str | None = None,
    source: str | None = None,
) -> bool:
    """Revoke the token of the secret with these digests; gives whether the secret is known.

    address: the reporter's. found_at, source: where it was found. All for the activity.
    """
    found = await find_holder(digests, address)
    if found is None:
        return False
    if found.terms.state not in _ENDED:
        # It may have been revoked since the lookup.
        with suppress(NotFound), reaching(found.holder.tenant_id):
            await holder.revoke_leaked(found.holder, found_at, source)
    return True


class _Report(NamedTuple):
    digests: tuple[bytes, ...]
    address: str


class Reports:
    """The reported secrets whose tokens this instance has yet to end, as digests."""

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._waiting: deque[_Report] = deque()
        self._ending: asyncio.Task[None] | None = None

    def put(self, secrets: Sequence[tuple[bytes, ...]], address: str) -> None:
        """Take secrets, each by its digests, which a client at `address` reports.

        Raises `Busy` if so many wait, and takes none then.
        """
        if len(self._waiting) + len(secrets) > self._max_waiting:
            raise Busy
        self._waiting.extend(_Report(digests, address) for digests in secrets)
        if self._waiting and self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end_all())

    async def close(self) -> None:
        """End those that wait, as far as the database answers within seconds."""
        if self._ending is None:
            return
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self._ending
        except TimeoutError:
            _log.error("reported secrets were not looked at: the database does not answer")

    async def _end_all(self) -> None:
        """One by one, so that reports take one connection at most."""
        try:
            while self._waiting:
                if await self._is_done(self._waiting[0]):
                    self._waiting.popleft()
                else:
                    await asyncio.sleep(_AGAIN_AFTER_SECONDS)
        finally:
            self._ending = None

    async def _is_done(self, report: _Report) -> bool:
        """End one, if it is known. False if the database does not answer."""
        try:
            await end_leaked(report.digests, report.address)
        except Exception as error:
            if database.is_unavailable(error):
                return False
            _log.error("a reported secret could not be ended", exc_info=error)
        return True
