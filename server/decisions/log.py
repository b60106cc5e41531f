"""Decision log: buffered in memory during the request, flushed to the database in the background.

`note` takes a few microseconds and never waits. It adds decisions to counts at once, so that a
burst takes little memory. The buffer is limited. Further decisions are dropped and counted in a
metric. A flush begins three seconds after the first note, and is tried again three seconds later if
the database is unavailable. One flush runs at a time: decisions noted meanwhile go to the next.

A batch that the database did not confirm may have been written. It is sent again unchanged, so that
the database can recognise it. At most one such batch exists, beside the one that is being filled.
On a distributed database there is at most one for each tenant, so that a node that is down delays
only the decisions of its own tenants.
"""

import asyncio
import logging
from sys import intern

from models import RefusalReason
from server import database
from server.decisions import log_rows
from server.decisions.log_rows import Denial, TokenKey, Unwritten, Use
from server.decisions.old_use_rows import OldUse
from server.decisions.withheld_rows import WithheldUse
from server.monitoring.metrics import DECISION_LOGS, RECORDS_DROPPED
from server.texts import text_of_client

_WRITE_AFTER_SECONDS = 3.0
_DAY_SECONDS = 86_400
_METHOD_LENGTH = 16
# Of tries again in one flush: the decisions of other tenants wait meanwhile.
_MAX_FAILURES = 3
MAX_USES = 100_000
MAX_DENIED_TOKENS = 10_000
MAX_OLD_USES = 2_000
MAX_WITHHELD_CLIENTS = 10_000
MAX_WITHHELD_USES = 20_000
# Tokens whose last use was written; beyond it all are forgotten, and asked for again.
_MAX_WRITTEN = 100_000
_log = logging.getLogger("tessera.decision_log")


class DecisionLog:
    """The decisions of one instance that are not written yet."""

    def __init__(self) -> None:
        self._written_tokens: set[TokenKey] = set()
        self._unwritten = self._new_batch()
        # By tenant on a distributed database, where the nodes of some may be down; else one, by "".
        self._unconfirmed: dict[str, Unwritten] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._writing_since = 0.0
        self._day_starts, self._day = 0.0, log_rows.day_of(0)
        # When the first decision of each batch was made, in seconds since 1970.
        self._since = self._unconfirmed_since = 0.0
        DECISION_LOGS.add(self)

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
        is_old_secret: bool = False,
    ) -> None:
        """Log a decision on a known token; it is written within seconds.

        key: the permission, or empty if no operation matched. reason: None if it was allowed.
        at: in seconds since 1970. is_old_secret: whether it is the old secret of a rotation.
        """
        batch = self._unwritten
        if not self._day_starts <= at < self._day_starts + _DAY_SECONDS:
            self._begin_day(at)
        use = batch.uses.get((tenant_id, token_id, key, self._day))
        if use is None:
            if len(batch.uses) >= MAX_USES:
                RECORDS_DROPPED.inc()
                return
            use = self._begin_use(tenant_id, token_id, key, at)
        use.last_at = at
        if reason is None:
            use.allowed += 1
            use.allowed_at, use.address, use.user_agent = at, address, user_agent
        else:
            use.denied += 1
            shown = text_of_client(method, _METHOD_LENGTH)
            refused = Denial(at, shown, key, reason, address, user_agent, request_id)
            self._note_denial((tenant_id, token_id), refused)
        if is_old_secret:
            self._note_old_use(use, (tenant_id, token_id, address, user_agent), at)
        if self._timer is None and self._writing is None:
            self._write_in(_WRITE_AFTER_SECONDS)

    def note_withheld(
        self, tenant_id: str, token_id: str, key: str, address: str, user_agent: str, at: float
    ) -> None:
        """Log that a request passed which the token's trial would have denied, after `note`."""
        batch, use_key = self._unwritten.withheld, (tenant_id, token_id, key, address, user_agent)
        use = batch.get(use_key)
        if use is not None:
            use.requests += 1
            use.last_at = at
        elif len(batch) < (MAX_WITHHELD_CLIENTS if address else MAX_WITHHELD_USES):
            batch[use_key] = WithheldUse(1, at)
        elif address:
            # Under pressure, clients are not told apart: the count of all stays exact.
            self.note_withheld(tenant_id, token_id, key, "", "", at)
        else:
            RECORDS_DROPPED.inc()

    def waits_since(self) -> float | None:
        """When the oldest decision was made that is not written; None if all are."""
        if self._unconfirmed:
            return self._unconfirmed_since
        return self._since if self._unwritten.uses else None

    async def close(self) -> None:
        """Flush the rest. Decisions that the database does not take now are lost."""
        if self._writing is not None:
            await self._writing
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._write()

    def _begin_use(self, tenant_id: str, token_id: str, key: str, at: float) -> Use:
        uses = self._unwritten.uses
        if not uses:
            self._since = at
        # One copy of the tenant's id for all of its tokens.
        use = uses[intern(tenant_id), token_id, key, self._day] = Use(0, 0, at, at)
        return use

    def _begin_day(self, at: float) -> None:
        self._day_starts, self._day = at - at % _DAY_SECONDS, log_rows.day_of(at)

    def _new_batch(self) -> Unwritten:
        return Unwritten(written=self._written_tokens)

    def _note_old_use(self, use: Use, key: tuple[str, str, str, str], at: float) -> None:
        old = use.old
        if old is None or old.address != key[2] or old.user_agent != key[3]:
            old = use.old = self._old_use(key, at)
        old.requests += 1
        old.last_at = at

    def _old_use(self, key: tuple[str, str, str, str], at: float) -> OldUse:
        """The use of an old secret by a client; one that is not written beyond the limit."""
        batch = self._unwritten.old_uses
        use = batch.get(key)
        if use is None:
            use = OldUse(key[2], key[3], 0, at)
            if len(batch) < MAX_OLD_USES:
                batch[key] = use
        return use

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
        if self._unwritten.uses or self._unconfirmed:
            # Decisions noted during the flush may have waited for as long as it took.
            waited = asyncio.get_running_loop().time() - self._writing_since
            self._write_in(max(0.0, _WRITE_AFTER_SECONDS - waited))

    async def _write(self) -> None:
        await self._try_again()
        if "" in self._unconfirmed:
            return
        batch, self._unwritten = self._unwritten, self._new_batch()
        since = self._since
        parts = {"": batch} if batch.uses else {}
        if parts and database.is_distributed():
            parts = batch.by_tenant()
        # Before anything is awaited: later decisions are added to it.
        for key in self._unconfirmed.keys() & parts.keys():
            self._unwritten.take(parts.pop(key))
            self._since = since
        for key, part in parts.items():
            if not await self._is_done_with(part):
                if not self._unconfirmed:
                    self._unconfirmed_since = since
                self._unconfirmed[key] = part

    async def _try_again(self) -> None:
        """Write the decisions that are not confirmed. Each try may last for its time-out."""
        failures = 0
        for key, part in [*self._unconfirmed.items()]:
            del self._unconfirmed[key]
            if not await self._is_done_with(part):
                self._unconfirmed[key] = part  # as the last: the others are tried before it
                failures += 1
            if failures >= _MAX_FAILURES:
                return

    async def _is_done_with(self, batch: Unwritten) -> bool:
        """Write the batch, or drop one that can never be written; False for another try."""
        try:
            # A batch has the decisions of many tenants.
            with database.reaching_every_tenant():
                await log_rows.write(batch)
        except Exception as error:
            if database.is_unavailable(error):
                return False
            RECORDS_DROPPED.inc(sum(use.allowed + use.denied for use in batch.uses.values()))
            _log.error("decisions could not be recorded", exc_info=error)
            return True
        if len(self._written_tokens) > _MAX_WRITTEN:
            self._written_tokens.clear()
        self._written_tokens.update(batch.used())
        return True
