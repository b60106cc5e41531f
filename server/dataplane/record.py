"""The record of decisions: noted on a request's path, written behind its back.

Noting takes a few microseconds and never waits. What is noted becomes counts at once, so that a
burst takes little room; the room is limited, and what does not fit is dropped and counted in a
metric. Writing comes three seconds after the first note, and again three seconds later if the
database cannot take it then. One writing at a time: what is noted meanwhile is the next's.
"""

import asyncio
import logging

from models import RefusalReason
from server import database
from server.access import uses
from server.access.uses import Batch, Refused, Use
from server.dataplane import originals
from server.monitoring.metrics import RECORDS_DROPPED

_WRITE_AFTER_SECONDS = 3.0
_METHOD_LENGTH = 16
MOST_USES = 100_000
MOST_REFUSING_TOKENS = 10_000
_log = logging.getLogger("tessera.record")


class Record:
    """What one instance has decided and not yet written."""

    def __init__(self) -> None:
        self._batch = Batch({}, {}, {})
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._writing_since = 0.0
        # Which tenants' old counts were dropped, and on which day.
        self._tidied_on = uses.day_of(0)
        self._tidied: set[str] = set()

    def note(
        self,
        tenant_id: str,
        token_id: str,
        method: str,
        key: str,
        reason: RefusalReason | None,
        address: str,
        user_agent: str,
        request_id: str,
        at: float,
    ) -> None:
        """Take note of a decision on a known token; it is written within seconds.

        key: empty where no operation matched. reason: None for one that let it through.
        at: in seconds since 1970.
        """
        batch = self._batch
        use_key = (tenant_id, token_id, key, uses.day_of(at))
        use = batch.uses.get(use_key)
        if use is None:
            if len(batch.uses) >= MOST_USES:
                RECORDS_DROPPED.inc()
                return
            use = batch.uses[use_key] = Use(0, 0, at, at)
        use.last_at = at
        if reason is None:
            use.allowed += 1
            batch.last[tenant_id, token_id] = (at, address, user_agent)
        else:
            use.denied += 1
            shown = originals.shown(method, _METHOD_LENGTH)
            refused = Refused(at, shown, key, reason, address, user_agent, request_id)
            self._note_refusal((tenant_id, token_id), refused)
        if self._timer is None and self._writing is None:
            self._write_in(_WRITE_AFTER_SECONDS)

    async def close(self) -> None:
        """Write what is left. Whatever the database does not take now is lost."""
        if self._writing is not None:
            await self._writing
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._write()

    def _note_refusal(self, token: tuple[str, str], refused: Refused) -> None:
        latest = self._batch.refused.get(token)
        if latest is None:
            if len(self._batch.refused) >= MOST_REFUSING_TOKENS:
                RECORDS_DROPPED.inc()
                return
            latest = self._batch.refused[token] = []
        latest.append(refused)
        del latest[: -uses.KEPT_REFUSALS]

    def _write_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._start_writing)

    def _start_writing(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer, self._writing_since = None, loop.time()
        self._writing = loop.create_task(self._write())
        self._writing.add_done_callback(self._written)

    def _written(self, _task: asyncio.Task[None]) -> None:
        self._writing = None
        if self._batch.uses:
            # What was noted meanwhile has waited for as long as the writing took.
            waited = asyncio.get_running_loop().time() - self._writing_since
            self._write_in(max(0.0, _WRITE_AFTER_SECONDS - waited))

    async def _write(self) -> None:
        batch, self._batch = self._batch, Batch({}, {}, {})
        if not batch.uses:
            return
        try:
            await uses.write(batch)
        except Exception as error:
            if database.is_unavailable(error):
                self._take_back(batch)
                return
            RECORDS_DROPPED.inc(sum(use.allowed + use.denied for use in batch.uses.values()))
            _log.error("decisions could not be recorded", exc_info=error)
            return
        await self._tidy(batch)

    def _take_back(self, batch: Batch) -> None:
        """Put a batch that was not written before what was noted since."""
        newer, self._batch = self._batch, batch
        for key, use in newer.uses.items():
            before = batch.uses.get(key)
            if before is not None:
                before.allowed += use.allowed
                before.denied += use.denied
                before.last_at = use.last_at
            elif len(batch.uses) < MOST_USES:
                batch.uses[key] = use
            else:
                RECORDS_DROPPED.inc(use.allowed + use.denied)
        for token, last in newer.last.items():
            if token in batch.last or len(batch.last) < MOST_USES:
                batch.last[token] = last
        for token, refused in newer.refused.items():
            if token in batch.refused or len(batch.refused) < MOST_REFUSING_TOKENS:
                kept = batch.refused.get(token, []) + refused
                batch.refused[token] = kept[-uses.KEPT_REFUSALS :]
            else:
                RECORDS_DROPPED.inc(len(refused))

    async def _tidy(self, batch: Batch) -> None:
        """Once a day, drop the old counts of the tenants that are in use."""
        today = max(day for _, _, _, day in batch.uses)
        if today != self._tidied_on:
            self._tidied_on, self._tidied = today, set()
        tenants = {tenant_id for tenant_id, _, _, _ in batch.uses} - self._tidied
        if not tenants:
            return
        try:
            await uses.forget_old(list(tenants), today)
        except Exception as error:
            # The next batch of these tenants tries again. This one is written: it stays so.
            if not database.is_unavailable(error):
                _log.error("old counts could not be dropped", exc_info=error)
            return
        self._tidied |= tenants
