"""The lookup of secrets in the embedded database, in the event loop's own thread.

Terms that were read are reused until another connection commits, or until the clock changes them.
Each batch of lookups asks `PRAGMA data_version` about commits.
"""
# ruff: noqa: S608 - the statement is made of constants

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from sys import intern

from server.database import sqlite_reader
from server.decisions.question import MAX_TOGETHER, Question, Receiver
from server.decisions.terms import CONDITIONS, MARKS, STATE, TRIAL_RUNS_IN_SQLITE, Terms, terms_of
from server.settings import Settings

# Callers that repeat their requests between two commits. About 700 bytes each.
_MAX_KEPT = 16_384
_VERSION = "PRAGMA data_version"
_CLOCK = "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"
# A trial that has ended stays in the row for minutes, and changes nothing any more.
_TRIAL_ENDS = f"""
    CASE WHEN {TRIAL_RUNS_IN_SQLITE} THEN substr(s.trial_until, 1, 23) ELSE '~' END
"""
# The columns of `Terms`, then the next instant at which the clock changes them.
_FOUND = f"""
    SELECT t.id, t.requests_per_hour, s.token_id,
        {STATE["sqlite"]},
        CASE WHEN s.grants IS NULL
             THEN EXISTS (SELECT 1 FROM token_permission p
                          WHERE p.tenant_id = t.id AND p.token_id = s.token_id
                            AND p.fingerprint = ?4)
             ELSE instr(s.grants, ?4) > 0 END,
        {CONDITIONS["sqlite"]},
        {MARKS["sqlite"]},
        CASE WHEN s.retires_at IS NOT NULL OR s.expires_at IS NOT NULL OR s.trial_until IS NOT NULL
             THEN nullif(min(ifnull(substr(s.retires_at, 1, 23), '~'),
                             ifnull(substr(s.expires_at, 1, 23), '~'),
                             {_TRIAL_ENDS}), '~') END
    FROM tenant t JOIN token_secret s ON s.tenant_id = t.id AND s.digest = ?3
    WHERE t.slug = ?1 AND (?2 IS NULL OR t.region = ?2)
"""

_Execute = Callable[..., sqlite3.Cursor]


class SqliteLookup:
    """Looks secrets up on a connection that only reads.

    A lookup takes less time than handing it to another thread would. Readers of a write-ahead log
    wait for no writer, and see every commit from before they began.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: sqlite3.Connection | None = None
        self._waiting: list[tuple[Question, Receiver]] = []
        self._kept = _Kept()

    def find(self, question: Question, receiver: Receiver) -> None:
        """Look `question` up in the loop's next turn, with the others of this turn."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._serve)
        self._waiting.append((question, receiver))

    async def open(self) -> None:
        """Do nothing: opening a file takes no time."""

    def close(self) -> None:
        """Close the connection. A further question would open another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _serve(self) -> None:
        batch = self._waiting[:MAX_TOGETHER]
        del self._waiting[:MAX_TOGETHER]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._serve)
        try:
            found = self._ask(batch)
        except Exception as error:
            self.close()
            for _, receiver in batch:
                receiver.failed(error)
        else:
            for (_, receiver), terms in zip(batch, found, strict=True):
                receiver.found(terms)

    def _ask(self, batch: Sequence[tuple[Question, Receiver]]) -> list[Terms | None]:
        if self._connection is None:
            self._connection = sqlite_reader(self._settings)
            self._kept = _Kept()  # versions of two connections cannot be compared
        ask = self._connection.cursor().execute
        known = self._kept.valid(ask)
        found = [known.get(question) for question, _ in batch]
        if None in found:
            # One transaction for all: to begin one costs as much as a lookup.
            ask("BEGIN")
            for place, (question, _) in enumerate(batch):
                if found[place] is None:
                    found[place] = self._read(ask, question)
            ask("COMMIT")
        return found

    def _read(self, ask: _Execute, question: Question) -> Terms | None:
        """The terms of the one digest that is kept; asks without building a list for each check."""
        slug, region, digests, fingerprint = question
        for digest in digests:
            row = ask(_FOUND, (slug, region, digest, fingerprint)).fetchone()
            if row is not None:
                terms = _shared(terms_of(row[:-1]))
                self._kept.add(question, terms, row[-1])
                return terms
        return None


def _shared(terms: Terms) -> Terms:
    """The terms, with one copy of each text that tokens have in common.

    Thousands of copies would leave less room in the caches of the processor.
    """
    tenant_id, networks, marks = terms.tenant_id, terms.tenant_networks, terms.marks
    return terms._replace(
        tenant_id=intern(tenant_id),
        tenant_networks=networks and intern(networks),
        marks=marks and intern(marks),
    )


class _Kept:
    """Terms that were read on one connection. Unknown secrets are not kept: strangers make them."""

    def __init__(self) -> None:
        self._version: int | None = None
        self._until: str | None = None
        self._terms: dict[Question, Terms] = {}

    def valid(self, ask: _Execute) -> dict[Question, Terms]:
        """The terms that hold now.

        The version is another one after each commit of another connection, in any process, and
        this connection never writes. A commit that follows it is one that follows the lookup.
        """
        version = ask(_VERSION).fetchone()[0]
        if version != self._version or (
            self._until is not None and ask(_CLOCK).fetchone()[0] >= self._until
        ):
            self._version, self._until, self._terms = version, None, {}
        return self._terms

    def add(self, question: Question, terms: Terms, until: str | None) -> None:
        """Keep terms that were read after `valid`.

        until: the instant at which the clock changes them, if any. If it has passed, they are not
        kept: `valid` would drop all others each time.
        """
        if len(self._terms) >= _MAX_KEPT or (until is not None and terms.state is not None):
            return
        self._terms[question] = terms
        if until is not None and (self._until is None or until < self._until):
            self._until = until
