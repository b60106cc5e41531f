"""The wire's one lookup: the token of a presented secret, and whether it holds a permission.

No answer is kept: a look-up that starts after a change was acknowledged sees it, on every
instance. Lookups of one turn of the event loop go to the database together instead. Each
look-up is in a query that was sent after it began.
"""
# ruff: noqa: S608 - the statements are made of constants

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import models
from server.database import (
    READ_ONLY,
    WIRE_CONNECTIONS,
    Pool,
    ReadOnlyDatabase,
    own_pool,
    sqlite_reader,
)
from server.settings import Settings

# A request is answered within two seconds, even when the database does not answer.
_WAIT_SECONDS = 1.8
_SWEEP_SECONDS = 0.1
# While the database works on one query, requests of the other are taken and answered.
_MAX_AT_ONCE = WIRE_CONNECTIONS
_MAX_TOGETHER = 32
# Then it gives its connection back, for others who wait for one.
_MAX_IN_A_ROW = 64

# Ids as text, which is all that is done with them. Of a token with few permissions the row itself
# tells whether it has this one, and of one with many the row of the permission.
_FOUND = """
    t.id{text}, t.requests_per_hour, k.id{text}, k.revoked_at IS NOT NULL,
    CASE WHEN k.grants IS NULL
         THEN EXISTS (SELECT 1 FROM token_permission p
                      WHERE p.tenant_id = t.id AND p.token_id = k.id
                        AND p.fingerprint = {fingerprint})
         ELSE {held} > 0 END
"""
_OF_POSTGRES = _FOUND.format(
    fingerprint="q.fingerprint", held="position(q.fingerprint in k.grants)", text="::text"
)
# A row with place 0 says that the database does not take writes: a standby, which may not know yet
# of a revocation. Ask in the same statement: the server behind a pooler may have changed.
_POSTGRES = f"""
    SELECT 0::bigint, NULL::text, NULL::int, NULL::text, NULL::bool, NULL::bool
    WHERE {READ_ONLY["postgres"]}
    UNION ALL
    SELECT q.place, {_OF_POSTGRES}
    FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[])
         WITH ORDINALITY AS q(slug, region, digest, fingerprint, place)
    JOIN tenant t ON t.slug = q.slug AND (q.region IS NULL OR t.region = q.region)
    JOIN token k ON k.tenant_id = t.id AND k.digest = q.digest
"""
# The index holds all that is read of the token: among a million, each page more is a new one.
_SQLITE = f"""
    SELECT {_FOUND.format(fingerprint="?4", held="instr(k.grants, ?4)", text="")}
    FROM tenant t JOIN token k INDEXED BY {models.TOKEN_WIRE_INDEX}
        ON k.tenant_id = t.id AND k.digest = ?3
    WHERE t.slug = ?1 AND (?2 IS NULL OR t.region = ?2)
"""

# A question: the slug of the tenant that the host names; its region, if the hosts of the API
# tell; the secret's digests, of which the token has one; and the fingerprint of the permission,
# that of "" where none would do.
Question = tuple[str, str | None, tuple[bytes, ...], bytes]

# A token of the tenant, as the row comes from the database: the tenant's id and its limit of
# requests an hour, if it has one; the token's id, whether it is revoked, and whether it is granted
# the permission.
Bearer = tuple[str, int | None, str, bool, bool]


class Asker(Protocol):
    """The caller of a lookup. Told once, by one of the two, which raise nothing."""

    def found(self, bearer: Bearer | None) -> None:
        """This is the token, or there is none."""

    def failed(self, error: Exception) -> None:
        """The lookup failed: `TimeoutError` after 1.8 s, or the driver's error."""


class PostgresBearers:
    """Looks up tokens in PostgreSQL, those of many requests in one query.

    On connections that nothing else uses: costly requests cannot take them.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: list[_Asked] = []
        self._under_way: set[_Batch] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    def find(self, question: Question, asker: Asker) -> None:
        """Tell `asker` which token `question` is about."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._start)
        self._waiting.append(_Asked(question, asker, loop.time()))
        if self._sweeper is None:
            self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep)

    async def open(self) -> None:
        """Connect, before others take the server's last connections."""
        async with self._pool.statement():
            pass

    def close(self) -> None:
        """Close the connections; the next look-up would open others."""
        self._pool.terminate()

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        wanted = -(-len(self._waiting) // _MAX_TOGETHER)
        for _ in range(min(wanted, _MAX_AT_ONCE - len(self._running))):
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
            async with self._pool.statement() as held:
                await batch.ask(held)
                for _ in range(_MAX_IN_A_ROW):
                    if not self._waiting:
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

    def _take(self) -> "_Batch":
        batch = _Batch(self._waiting[:_MAX_TOGETHER])
        del self._waiting[:_MAX_TOGETHER]
        self._under_way.add(batch)
        return batch

    def _sweep(self) -> None:
        """Fail overdue lookups. The query itself ends by the driver's time-out."""
        loop = asyncio.get_running_loop()
        too_early = loop.time() - _WAIT_SECONDS
        under_way = (asked for batch in self._under_way for asked in batch.asked)
        for asked in [*self._waiting, *under_way]:
            if asked.since <= too_early:
                asked.fail(TimeoutError())
        self._waiting = [asked for asked in self._waiting if asked.asker]
        pending = self._waiting or self._under_way
        self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep) if pending else None


class SqliteBearers:
    """Looks up tokens in the embedded database, on a connection that only reads.

    In the event loop's own thread: a look-up takes less time than handing it to another. Readers
    of a write-ahead log wait for no writer, and see every commit from before they began.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: sqlite3.Connection | None = None
        self._waiting: list[tuple[Question, Asker]] = []

    def find(self, question: Question, asker: Asker) -> None:
        """Tell `asker` which token `question` is about."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._serve)
        self._waiting.append((question, asker))

    async def open(self) -> None:
        """Nothing to wait for: opening a file takes no time."""

    def close(self) -> None:
        """Close the connection; the next look-up would open another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _serve(self) -> None:
        batch = self._waiting[:_MAX_TOGETHER]
        del self._waiting[:_MAX_TOGETHER]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._serve)
        try:
            found = self._ask(batch)
        except Exception as error:
            self.close()
            for _, asker in batch:
                asker.failed(error)
        else:
            for (_, asker), bearer in zip(batch, found, strict=True):
                asker.found(bearer)

    def _ask(self, batch: Sequence[tuple[Question, Asker]]) -> list[Bearer | None]:
        """One transaction for all: to begin one costs as much as a look-up."""
        if self._connection is None:
            self._connection = sqlite_reader(self._settings)
        ask = self._connection.cursor().execute
        ask("BEGIN")
        found = [_first(ask, question) for question, _ in batch]
        ask("COMMIT")
        return found


def _first(ask: Callable[..., sqlite3.Cursor], question: Question) -> Bearer | None:
    """The token of one of the digests; without the list of `_by_digest`, for each check."""
    slug, region, digests, fingerprint = question
    for digest in digests:
        found: Bearer | None = ask(_SQLITE, (slug, region, digest, fingerprint)).fetchone()
        if found is not None:
            return found
    return None


def _by_digest(question: Question) -> list[tuple[str, str | None, bytes, bytes]]:
    """The question for each digest; in one transaction, as a digest may be renewed meanwhile."""
    slug, region, digests, fingerprint = question
    return [(slug, region, digest, fingerprint) for digest in digests]


Bearers = PostgresBearers | SqliteBearers


def bearers_of(settings: Settings) -> Bearers:
    """The look-up for the configured database."""
    return (
        SqliteBearers(settings)
        if settings.embedded
        else PostgresBearers(own_pool(WIRE_CONNECTIONS))
    )


class _Asked:
    """A pending lookup: its asker, question and time. `asker` is None once told."""

    __slots__ = ("asker", "question", "since")

    def __init__(self, question: Question, asker: Asker, since: float) -> None:
        self.question = question
        self.asker: Asker | None = asker
        self.since = since

    def tell(self, bearer: Bearer | None) -> None:
        asker, self.asker = self.asker, None
        if asker is not None:
            asker.found(bearer)

    def fail(self, error: Exception) -> None:
        asker, self.asker = self.asker, None
        if asker is not None:
            asker.failed(error)


class _Batch:
    """Look-ups in one query; equal to itself alone."""

    __slots__ = ("asked",)

    def __init__(self, asked: list[_Asked]) -> None:
        self.asked = asked

    async def ask(self, held: Any) -> None:
        """Have all of them answered by one query on a connection."""
        asking = [(asked, row) for asked in self.asked for row in _by_digest(asked.question)]
        columns = zip(*(row for _, row in asking), strict=True)
        rows = await held.fetch(_POSTGRES, *columns)
        if any(row[0] == 0 for row in rows):
            raise ReadOnlyDatabase
        for row in rows:
            asking[row[0] - 1][0].tell(row[1:])
        for asked in self.asked:
            asked.tell(None)

    def fail(self, error: Exception) -> None:
        """Tell those who have no answer yet."""
        for asked in self.asked:
            asked.fail(error)
