"""Whose secret a gateway presents, and whether it opens an operation: the one look-up of the wire.

No answer is kept: a look-up that starts after a change was acknowledged sees it, on every
instance. What is asked in one turn of the event loop goes to the database together instead. Each
look-up is in a query that was sent after it began.
"""
# ruff: noqa: S608 - the statements are made of constants

import asyncio
import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from server.database import connection, sqlite_reader
from server.settings import Settings

# A request is answered within two seconds, whatever the database does.
_WAIT_SECONDS = 1.8
_SWEEP_SECONDS = 0.1
# While the database works on one query, requests of the other are taken and answered.
_MOST_AT_ONCE = 2
_MOST_TOGETHER = 32
# Then it gives its connection back, for others who wait for one.
_MOST_IN_A_ROW = 64

# Ids as text, which is all that is done with them.
_FOUND = """
    t.id{text}, t.requests_per_hour, k.id{text}, k.revoked_at IS NOT NULL,
    EXISTS (SELECT 1 FROM token_permission p
            WHERE p.tenant_id = t.id AND p.token_id = k.id AND p.key = {key})
"""
_POSTGRES = f"""
    SELECT q.place, {_FOUND.format(key="q.key", text="::text")}
    FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[])
         WITH ORDINALITY AS q(slug, region, digest, key, place)
    JOIN tenant t ON t.slug = q.slug AND (q.region IS NULL OR t.region = q.region)
    JOIN token k ON k.tenant_id = t.id AND k.digest = q.digest
"""
_SQLITE = f"""
    SELECT {_FOUND.format(key="?4", text="")}
    FROM tenant t JOIN token k ON k.tenant_id = t.id AND k.digest = ?3
    WHERE t.slug = ?1 AND (?2 IS NULL OR t.region = ?2)
"""


class Question(NamedTuple):
    """What is asked: the tenant that the host names, the secret's digest, and the operation.

    region: None where the hosts of the API do not tell. key: empty where no operation matched.
    """

    slug: str
    region: str | None
    digest: bytes
    key: str


# A token of the tenant, as the row comes from the database: the tenant's id and its limit of
# requests an hour, if it has one; the token's id, whether it is revoked, and whether it is granted
# the permission.
Bearer = tuple[str, int | None, str, bool, bool]


_Answer = asyncio.Future[Bearer | None]
# With the time when it began.
_Asked = tuple[Question, _Answer, float]


class PostgresBearers:
    """Looks up tokens in PostgreSQL, those of many requests in one query."""

    def __init__(self) -> None:
        self._waiting: list[_Asked] = []
        self._under_way: set[_Batch] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    def find(self, question: Question) -> _Answer:
        """The token that `question` is about, or None.

        Raises `TimeoutError` after 1.8 s without an answer, or what the driver raises.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._start)
        answer: _Answer = loop.create_future()
        self._waiting.append((question, answer, loop.time()))
        if self._sweeper is None:
            self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep)
        return answer

    def close(self) -> None:
        """Nothing is held while nothing is asked."""

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        wanted = -(-len(self._waiting) // _MOST_TOGETHER)
        for _ in range(min(wanted, _MOST_AT_ONCE - len(self._running))):
            # Not awaited: it serves others too, who are not to end with this request.
            self._running.add(loop.create_task(self._serve()))

    async def _serve(self) -> None:
        try:
            while self._waiting:
                await self._serve_some()
        finally:
            # At once, not when the loop gets to it: the next to ask would wait for this one.
            self._running -= {asyncio.current_task()}

    async def _serve_some(self) -> None:
        """Ask for those who wait, and for who comes meanwhile, on one connection."""
        batch = self._take()
        try:
            async with connection().acquire_connection() as held:
                await batch.ask(held)
                for _ in range(_MOST_IN_A_ROW):
                    if not self._waiting:
                        break
                    self._under_way.discard(batch)
                    batch = self._take()
                    await batch.ask(held)
        except Exception as error:
            batch.fail(error)
        finally:
            self._under_way.discard(batch)

    def _take(self) -> "_Batch":
        batch = _Batch(self._waiting[:_MOST_TOGETHER])
        del self._waiting[:_MOST_TOGETHER]
        self._under_way.add(batch)
        return batch

    def _sweep(self) -> None:
        """Give up what has waited too long. The query itself ends by the driver's time-out."""
        loop = asyncio.get_running_loop()
        too_early = loop.time() - _WAIT_SECONDS
        under_way = (asked for batch in self._under_way for asked in batch.asked)
        for _, answer, since in [*self._waiting, *under_way]:
            if since <= too_early and not answer.done():
                answer.set_exception(TimeoutError())
        self._waiting = [asked for asked in self._waiting if not asked[1].done()]
        pending = self._waiting or self._under_way
        self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep) if pending else None


class SqliteBearers:
    """Looks up tokens in the embedded database, on a connection that only reads.

    In the event loop's own thread: a look-up takes less time than handing it to another. Readers
    of a write-ahead log wait for no writer, and see what was committed before they began.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: sqlite3.Connection | None = None
        self._waiting: list[tuple[Question, _Answer]] = []

    def find(self, question: Question) -> _Answer:
        """The token that `question` is about, or None. Raises what the driver raises."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._serve)
        answer: _Answer = loop.create_future()
        self._waiting.append((question, answer))
        return answer

    def close(self) -> None:
        """Close the connection; the next look-up would open another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _serve(self) -> None:
        batch = self._waiting[:_MOST_TOGETHER]
        del self._waiting[:_MOST_TOGETHER]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._serve)
        try:
            self._ask(batch)
        except Exception as error:
            self.close()
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)

    def _ask(self, batch: Sequence[tuple[Question, _Answer]]) -> None:
        """One transaction for all: to begin one costs as much as a look-up."""
        if self._connection is None:
            self._connection = sqlite_reader(self._settings)
        cursor = self._connection.cursor()
        cursor.execute("BEGIN")
        for question, answer in batch:
            row = cursor.execute(_SQLITE, question).fetchone()
            if not answer.done():
                answer.set_result(row)
        cursor.execute("COMMIT")


Bearers = PostgresBearers | SqliteBearers


def bearers_of(settings: Settings) -> Bearers:
    """The look-up for the configured database."""
    return SqliteBearers(settings) if settings.embedded else PostgresBearers()


class _Batch:
    """Look-ups in one query; equal to itself alone."""

    __slots__ = ("asked",)

    def __init__(self, asked: list[_Asked]) -> None:
        self.asked = asked

    async def ask(self, held: Any) -> None:
        """Have all of them answered by one query on a connection."""
        columns = zip(*(question for question, _, _ in self.asked), strict=True)
        for row in await held.fetch(_POSTGRES, *columns):
            answer = self.asked[row[0] - 1][1]
            if not answer.done():
                answer.set_result(row[1:])
        for _, answer, _ in self.asked:
            if not answer.done():
                answer.set_result(None)

    def fail(self, error: Exception) -> None:
        """Tell those who have no answer yet."""
        for _, answer, _ in self.asked:
            if not answer.done():
                answer.set_exception(error)
