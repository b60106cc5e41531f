"""asyncpg's UUID, which is not documented: it reads a text in a twentieth of the time."""

import uuid

from server.internals.parts import lacks, part, warn

_Quick = part("asyncpg.pgproto.pgproto", "UUID")

# A `uuid.UUID` either way. PostgreSQL's rows have it of themselves.
QuickUUID: type[uuid.UUID] = _Quick if issubclass(_Quick, uuid.UUID) else uuid.UUID


def warn_of_missing() -> None:
    """Log where the ids of the embedded database are read in the common way."""
    warn("asyncpg", lacks(_Quick), "ids of the embedded database are read more slowly")
