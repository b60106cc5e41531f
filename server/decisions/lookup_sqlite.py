"""The lookup of secrets in the embedded database, in the event loop's own thread."""
# ruff: noqa: S608 - the statement is made of constants

import asyncio
import sqlite3
from collections.abc import Callable, Sequence

from server.database import sqlite_reader
from server.decisions.question import MAX_TOGETHER, Question, Receiver
from server.decisions.terms import CONDITIONS, STATE, Terms, terms_of
from server.settings import Settings

_FOUND = f"""
    SELECT t.id, t.requests_per_hour, s.token_id,
        {STATE["sqlite"]},
        CASE WHEN s.grants IS NULL
             THEN EXISTS (SELECT 1 FROM token_permission p
                          WHERE p.tenant_id = t.id AND p.token_id = s.token_id
                            AND p.fingerprint = ?4)
             ELSE instr(s.grants, ?4) > 0 END,
        {CONDITIONS["sqlite"]}
    FROM tenant t JOIN token_secret s ON s.tenant_id = t.id AND s.digest = ?3
    WHERE t.slug = ?1 AND (?2 IS NULL OR t.region = ?2)
"""


class SqliteLookup:
    """Looks secrets up on a connection that only reads.

    A lookup takes less time than handing it to another thread would. Readers of a write-ahead log
    wait for no writer, and see every commit from before they began.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: sqlite3.Connection | None = None
        self._waiting: list[tuple[Question, Receiver]] = []

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
        """Ask in one transaction for all: to begin one costs as much as a lookup."""
        if self._connection is None:
            self._connection = sqlite_reader(self._settings)
        ask = self._connection.cursor().execute
        ask("BEGIN")
        found = [_first(ask, question) for question, _ in batch]
        ask("COMMIT")
        return found


def _first(ask: Callable[..., sqlite3.Cursor], question: Question) -> Terms | None:
    """The terms of the one digest that is kept; asks without building a list for each check."""
    slug, region, digests, fingerprint = question
    for digest in digests:
        row = ask(_FOUND, (slug, region, digest, fingerprint)).fetchone()
        if row is not None:
            return terms_of(row)
    return None
