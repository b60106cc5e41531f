"""Decision log: buffered in memory during the request, flushed to the database in the background.

`note` takes a few microseconds and never waits. It adds decisions up to counts at once, so that a
burst takes little memory; the buffer is limited, and decisions beyond it are dropped and counted in
a metric. A flush begins three seconds after the first note, and is tried again three seconds later
if the database is unavailable. One flush runs at a time: decisions noted meanwhile go to the next.
"""

import asyncio
import logging

from models import RefusalReason
from server import database
from server.decisions import log_rows
from server.decisions.log_rows import Denial, OldUse, Unwritten, Use
from server.monitoring.metrics import RECORDS_DROPPED
from server.texts import printable_ascii

_WRITE_AFTER_SECONDS = 3.0
_DAY_SECONDS = 86_400
_METHOD_LENGTH = 16
MAX_USES = 100_000
MAX_DENIED_TOKENS = 10_000
MAX_OLD_USES = 2_000
_log = logging.getLogger("tessera.decision_log")


class DecisionLog:
    """The decisions of one instance that are not written yet."""

    def __init__(self) -> None:
        self._unwritten = Unwritten({}, {}, {})
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._writing_since = 0.0
        self._day_starts, self._day = 0.0, log_rows.day_of(0)

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
        """Log a decision on a known token; it is written within seconds.

        key: the permission, or empty if no operation matched. reason: None if it was allowed.
        at: in seconds since 1970.
        """
        batch = self._unwritten
        if not self._day_starts <= at < self._day_starts + _DAY_SECONDS:
            self._begin_day(at)
        use_key = (tenant_id, token_id, key, self._day)
        use = batch.uses.get(use_key)
        if use is None:
            if len(batch.uses) >= MAX_USES:
                RECORDS_DROPPED.inc()
                return
            use = batch.uses[use_key] = Use(0, 0, at, at)
        use.last_at = at
        if reason is None:
            use.allowed += 1
            batch.last[tenant_id, token_id] = (at, address, user_agent)
        else:
            use.denied += 1
            shown = printable_ascii(method, _METHOD_LENGTH)
            refused = Denial(at, shown, key, reason, address, user_agent, request_id)
            self._note_denial((tenant_id, token_id), refused)
        if self._timer is None and self._writing is None:
            self._write_in(_WRITE_AFTER_SECONDS)

    def note_old_use(
        self, tenant_id: str, token_id: str, address: str, user_agent: str, at: float
    ) -> None:
        """Log that a client presented the old secret of a rotation. Call it after `note`."""
        batch, key = self._unwritten.old_uses, (tenant_id, token_id, address, user_agent)
        use = batch.get(key)
        if use is not None:
            use.requests += 1
            use.last_at = at
        elif len(batch) < MAX_OLD_USES:
            batch[key] = OldUse(1, at)

    async def close(self) -> None:
        """Flush the rest. Decisions that the database does not take now are lost."""
        if self._writing is not None:
            await self._writing
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._write()

    def _begin_day(self, at: float) -> None:
        self._day_starts, self._day = at - at % _DAY_SECONDS, log_rows.day_of(at)

    def _note_denial(self, token: tuple[str, str], denial: Denial) -> None:
        latest = self._unwritten.refused.get(token)
        if latest is None:
            if len(self._unwritten.refused) >= MAX_DENIED_TOKENS:
                RECORDS_DROPPED.inc()
                return
            latest = self._unwritten.refused[token] = []
        latest.append(denial)
        del latest[: -log_rows.KEPT_REFUSALS]

    def _write_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._start_writing)

    def _start_writing(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer, self._writing_since = None, loop.time()
        self._writing = loop.create_task(self._write())
        self._writing.add_done_callback(self._written)

    def _written(self, _task: asyncio.Task[None]) -> None:
        self._writing = None
        if self._unwritten.uses:
            # Decisions noted during the flush may have waited for as long as it took.
            waited = asyncio.get_running_loop().time() - self._writing_since
            self._write_in(max(0.0, _WRITE_AFTER_SECONDS - waited))

    async def _write(self) -> None:
        batch, self._unwritten = self._unwritten, Unwritten({}, {}, {})
        if not batch.uses:
            return
        try:
            await log_rows.write(batch)
        except Exception as error:
            if database.is_unavailable(error):
                self._put_back(batch)
                return
            RECORDS_DROPPED.inc(sum(use.allowed + use.denied for use in batch.uses.values()))
            _log.error("decisions could not be recorded", exc_info=error)

    def _put_back(self, batch: Unwritten) -> None:
        """Merge an unwritten batch with the decisions noted since, which are newer."""
        newer, self._unwritten = self._unwritten, batch
        for key, use in newer.uses.items():
            before = batch.uses.get(key)
            if before is not None:
                before.allowed += use.allowed
                before.denied += use.denied
                before.last_at = use.last_at
            elif len(batch.uses) < MAX_USES:
                batch.uses[key] = use
            else:
                RECORDS_DROPPED.inc(use.allowed + use.denied)
        for token, last in newer.last.items():
            if token in batch.last or len(batch.last) < MAX_USES:
                batch.last[token] = last
        for token, refused in newer.refused.items():
            if token in batch.refused or len(batch.refused) < MAX_DENIED_TOKENS:
                kept = batch.refused.get(token, []) + refused
                batch.refused[token] = kept[-log_rows.KEPT_REFUSALS :]
            else:
                RECORDS_DROPPED.inc(len(refused))
        for client, old_use in newer.old_uses.items():
            earlier = batch.old_uses.get(client)
            if earlier is not None:
                old_use.requests += earlier.requests
            if earlier is not None or len(batch.old_uses) < MAX_OLD_USES:
                batch.old_uses[client] = old_use
