"""Whose secret a gateway presents, and whether it opens an operation: the one look-up of the wire.

No answer is kept: a look-up that starts after a change was acknowledged sees it, on every
instance. What many requests ask at once goes to PostgreSQL as one query instead. Each look-up is in
a query that was sent after it began.
"""
# ruff: noqa: S608 - the statements are made of constants

import asyncio
import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from server.database import connection, sqlite_reader
from server.settings import Settings

# A request is answered within two seconds, whatever the database does.
_WAIT_SECONDS = 1.8
_SWEEP_SECONDS = 0.1
_MOST_AT_ONCE = 4
_MOST_TOGETHER = 256

_FOUND = """
    t.id, t.requests_per_hour, k.id, k.revoked_at IS NOT NULL,
    EXISTS (SELECT 1 FROM token_permission p
            WHERE p.tenant_id = t.id AND p.token_id = k.id AND p.key = {key})
"""
_POSTGRES = f"""
    SELECT q.place, {_FOUND.format(key="q.key")}
    FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[])
         WITH ORDINALITY AS q(slug, region, digest, key, place)
    JOIN tenant t ON t.slug = q.slug AND (q.region IS NULL OR t.region = q.region)
    JOIN token k ON k.tenant_id = t.id AND k.digest = q.digest
"""
_SQLITE = f"""
    SELECT {_FOUND.format(key="?4")}
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


class Bearer(NamedTuple):
    """A token of the tenant, live or revoked, and whether it holds the permission."""

    tenant_id: UUID
    requests_per_hour: int | None
    token_id: UUID
    revoked: bool
    granted: bool


class PostgresBearers:
    """Looks up tokens in PostgreSQL, those of many requests in one query."""

    def __init__(self) -> None:
        self._waiting: list[_Asked] = []
        self._under_way: set[_Batch] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def find(self, question: Question) -> Bearer | None:
        """The token that `question` is about, or None.

        Raises `TimeoutError` after 1.8 s without an answer, or what the driver raises.
        """
        loop = asyncio.get_running_loop()
        asked = _Asked(question, loop.create_future(), loop.time())
        self._waiting.append(asked)
        if len(self._running) < _MOST_AT_ONCE:
            # Not awaited: it serves others too, who are not to end with this request.
            self._running.add(loop.create_task(self._serve()))
        if self._sweeper is None:
            self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep)
        return await asked.answer

    async def _serve(self) -> None:
        try:
            while self._waiting:
                batch = _Batch(self._waiting[:_MOST_TOGETHER])
                del self._waiting[:_MOST_TOGETHER]
                self._under_way.add(batch)
                try:
                    await _ask(batch.asked)
                except Exception as error:
                    for asked in batch.asked:
                        if not asked.answer.done():
                            asked.answer.set_exception(error)
                finally:
                    self._under_way.discard(batch)
        finally:
            # At once, not when the loop gets to it: the next to ask would wait for this one.
            self._running -= {asyncio.current_task()}

    def _sweep(self) -> None:
        """Give up what has waited too long. The query itself ends by the driver's time-out."""
        loop = asyncio.get_running_loop()
        too_early = loop.time() - _WAIT_SECONDS
        for asked in [*self._waiting, *(a for batch in self._under_way for a in batch.asked)]:
            if asked.since <= too_early and not asked.answer.done():
                asked.answer.set_exception(TimeoutError())
        self._waiting = [asked for asked in self._waiting if not asked.answer.done()]
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

    async def find(self, question: Question) -> Bearer | None:
        """The token that `question` is about, or None. Raises what the driver raises."""
        if self._connection is None:
            self._connection = sqlite_reader(self._settings)
        row = self._connection.execute(_SQLITE, question).fetchone()
        if row is None:
            return None
        tenant_id, requests_per_hour, token_id, revoked, granted = row
        return Bearer(
            UUID(tenant_id), requests_per_hour, UUID(token_id), bool(revoked), bool(granted)
        )

    def close(self) -> None:
        """Close the connection; the next look-up would open another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


Bearers = PostgresBearers | SqliteBearers


def bearers_of(settings: Settings) -> Bearers:
    """The look-up for the configured database."""
    return SqliteBearers(settings) if settings.embedded else PostgresBearers()


class _Asked(NamedTuple):
    question: Question
    answer: "asyncio.Future[Bearer | None]"
    since: float


class _Batch:
    """Look-ups in one query; equal to itself alone."""

    __slots__ = ("asked",)

    def __init__(self, asked: list[_Asked]) -> None:
        self.asked = asked


async def _ask(batch: Sequence[_Asked]) -> None:
    columns = [list(column) for column in zip(*(asked.question for asked in batch), strict=True)]
    found: list[Bearer | None] = [None] * len(batch)
    row: Any
    for row in (await connection().execute_query(_POSTGRES, columns))[1]:
        place, tenant_id, requests_per_hour, token_id, revoked, granted = row
        found[place - 1] = Bearer(tenant_id, requests_per_hour, token_id, revoked, granted)
    for asked, bearer in zip(batch, found, strict=True):
        if not asked.answer.done():
            asked.answer.set_result(bearer)
