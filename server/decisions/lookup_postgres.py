"""The lookup of secrets in PostgreSQL: those of many requests in one query."""
# ruff: noqa: S608 - the statements are made of constants

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Any

from server.database import (
    READ_ONLY,
    WIRE_CONNECTIONS,
    Pool,
    ReadOnlyDatabase,
    reaching_every_tenant,
)
from server.decisions.question import MAX_TOGETHER, Question, Receiver
from server.decisions.terms import CONDITIONS, MARKS, STATE, Terms, terms_of

# A request is answered within two seconds, even when the database does not answer.
_WAIT_SECONDS = 1.8
_SWEEP_SECONDS = 0.1
# One query at a time answers most questions for the least work of either process: it takes all that
# came during the one before. Where the way to the database is long, a second one is under way too.
_MAX_QUERIES = WIRE_CONNECTIONS
_LONG_SECONDS = 0.005
# Then a connection is given back, for a task that waits for one: after about 10 ms.
_MAX_IN_A_ROW = 64

# A row with place 0 says that the database does not take writes: a standby, which may not know yet
# of a revocation. Ask in the same statement: the server behind a pooler may have changed. Ids come
# as text, the form in which they are answered and logged. LIMIT has each question looked up by
# indexes: in one join of all, the planner reads every tenant, until there are thousands. OFFSET has
# the questions decoded apart: under row-level security, `decode` of another table's column keeps an
# index from being used, since its errors could tell of rows that a policy hides.
_FOUND = f"""
    SELECT 0::bigint, NULL::text, NULL::int, NULL::text, NULL::text, NULL::bool,
        NULL::text, NULL::int, NULL::text, NULL::text, NULL::text
    WHERE {READ_ONLY["postgres"]}
    UNION ALL
    SELECT q.place, found.*
    FROM (SELECT a.slug, a.region, decode(a.digest, 'hex') AS digest,
              decode(a.fingerprint, 'hex') AS fingerprint, a.place
          FROM unnest(string_to_array($1, ','), string_to_array($2, ',', ''),
                      string_to_array($3, ','), string_to_array($4, ','))
               WITH ORDINALITY AS a(slug, region, digest, fingerprint, place)
          OFFSET 0) AS q
    CROSS JOIN LATERAL (
        SELECT t.id::text, t.requests_per_hour, s.token_id::text,
            {STATE["postgres"]},
            CASE WHEN s.grants IS NULL
                 THEN EXISTS (SELECT 1 FROM token_permission p
                              WHERE p.tenant_id = t.id AND p.token_id = s.token_id
                                AND p.fingerprint = q.fingerprint)
                 ELSE position(q.fingerprint in s.grants) > 0 END,
            {CONDITIONS["postgres"]},
            {MARKS["postgres"]}
        FROM tenant t JOIN token_secret s
            ON s.tenant_id = t.id AND s.digest = q.digest
        WHERE t.slug = q.slug AND (q.region IS NULL OR t.region = q.region)
        LIMIT 1) AS found
"""


class PostgresLookup:
    """Looks secrets up on connections that nothing else uses: costly requests cannot take them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: list[Pending] = []
        self._under_way: set[Batch] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._asked_at = 0.0
        self._sweeper: asyncio.TimerHandle | None = None

    def find(self, question: Question, receiver: Receiver) -> None:
        """Look `question` up in the next query, together with other questions."""
        # Not the loop's clock: to find the loop takes a system call.
        now = monotonic()
        self._waiting.append(Pending(question, receiver, now))
        if self._wants_another(now):
            self._start()
        if self._sweeper is None:
            loop = asyncio.get_running_loop()
            self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep)

    async def open(self) -> None:
        """Connect, before other requests take the server's last connections."""
        async with self._pool.statement():
            pass

    def close(self) -> None:
        """Close the connections. A further question would open others."""
        self._pool.terminate()

    def _wants_another(self, now: float) -> bool:
        under_way = len(self._running)
        return not under_way or (under_way < _MAX_QUERIES and now - self._asked_at > _LONG_SECONDS)

    def _start(self) -> None:
        # The task begins in the loop's next turn: the other questions of this one join its query,
        # and none of them starts another.
        self._asked_at = monotonic()
        # Not awaited: the query serves other requests too, which must not end with this one.
        self._running.add(asyncio.get_running_loop().create_task(self._serve()))

    async def _serve(self) -> None:
        try:
            # A batch holds questions about many tenants, each of which names its own.
            with reaching_every_tenant():
                while self._waiting:
                    await self._serve_some()
        finally:
            # At once, not in a callback: the next question would wait for this task.
            self._running -= {asyncio.current_task()}

    async def _serve_some(self) -> None:
        """Ask the waiting questions, and those that come meanwhile, on one connection."""
        batch = self._take()
        try:
            # In a small database it would be planned for its values, and so at each use, in several
            # times its own time.
            async with self._pool.statement(lists=True) as held:
                failovers = self._pool.failovers
                await batch.ask(held)
                for _ in range(_MAX_IN_A_ROW):
                    # After a failover, `held` may lead to a primary that was frozen and woke.
                    if not self._waiting or self._pool.failovers != failovers:
                        break
                    self._under_way.discard(batch)
                    batch = self._take()
                    await batch.ask(held)
        except Exception as error:
            batch.fail(error)
            if isinstance(error, ReadOnlyDatabase):
                await self._pool.expire_connections()
        finally:
            self._under_way.discard(batch)

    def _take(self) -> "Batch":
        batch = self._next_batch()
        self._under_way.add(batch)
        self._asked_at = monotonic()
        return batch

    def _next_batch(self) -> "Batch":
        """The questions of the next query, which do not wait any more."""
        batch = Batch(self._waiting[:MAX_TOGETHER])
        del self._waiting[:MAX_TOGETHER]
        return batch

    def _sweep(self) -> None:
        """Fail overdue lookups. The query itself ends by the driver's time-out."""
        too_early = monotonic() - _WAIT_SECONDS
        under_way = (pending for batch in self._under_way for pending in batch.pending)
        for pending in [*self._waiting, *under_way]:
            if pending.since <= too_early:
                pending.fail(TimeoutError())
        self._waiting = [pending for pending in self._waiting if pending.receiver]
        remaining = self._waiting or self._under_way
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep) if remaining else None


class Pending:
    """A pending lookup. `receiver` is None once it has the result; `since` is when it began."""

    __slots__ = ("question", "receiver", "since")

    def __init__(self, question: Question, receiver: Receiver, since: float) -> None:
        self.question = question
        self.receiver: Receiver | None = receiver
        self.since = since

    def tell(self, terms: Terms | None) -> None:
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.found(terms)

    def fail(self, error: Exception) -> None:
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.failed(error)


class Batch:
    """Lookups in one query. Compared by identity."""

    __slots__ = ("pending",)

    def __init__(self, pending: list[Pending]) -> None:
        self.pending = pending

    async def ask(self, held: Any) -> None:
        """Give each receiver its result, by one query on a connection."""
        # Each once for each of its digests: one of them may be under renewal.
        asking = [pending for pending in self.pending for _ in pending.question[2]]
        rows = await held.fetch(_FOUND, *columns([one.question for one in self.pending]))
        if any(row[0] == 0 for row in rows):
            raise ReadOnlyDatabase
        for row in rows:
            asking[row[0] - 1].tell(terms_of(row[1:]))
        for pending in self.pending:
            if pending.receiver is not None:
                pending.tell(None)

    def fail(self, error: Exception) -> None:
        """Give the error to the receivers without a result."""
        for pending in self.pending:
            pending.fail(error)


def columns(questions: Sequence[Question]) -> tuple[str, str, str, str]:
    """The questions, for each of their digests, as four texts that PostgreSQL splits at the commas.

    asyncpg looks at each element of an array eight times, in abstract base classes: that took as
    long as the rest of a query. Slugs and regions, as `hosts` reads them, hold no comma.
    """
    return (
        ",".join([slug for slug, _, digests, _ in questions for _ in digests]),
        ",".join([region or "" for _, region, digests, _ in questions for _ in digests]),
        ",".join([digest.hex() for _, _, digests, _ in questions for digest in digests]),
        ",".join([wanted.hex() for _, _, digests, wanted in questions for _ in digests]),
    )
