"""The lookup for the configured database."""

from typing import Protocol

from server.database import WIRE_CONNECTIONS, is_distributed, own_pool
from server.decisions.lookup_distributed import DistributedLookup
from server.decisions.lookup_postgres import PostgresLookup
from server.decisions.lookup_sqlite import SqliteLookup
from server.decisions.question import Question, Receiver
from server.settings import Settings


class Lookup(Protocol):
    """Looks secrets up in one database."""

    def find(self, question: Question, receiver: Receiver) -> None:
        """Look `question` up, and give the result to `receiver` later."""

    async def open(self) -> None:
        """Connect before the first question comes."""

    def close(self) -> None:
        """Close the connections. A further question would open one again."""


def lookup_in(settings: Settings) -> Lookup:
    """The lookup in the database of `settings`, which must be connected."""
    if settings.embedded:
        return SqliteLookup(settings)
    kind = DistributedLookup if is_distributed() else PostgresLookup
    return kind(own_pool(WIRE_CONNECTIONS))
