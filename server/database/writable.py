"""Recognises a database that takes no writes, such as a standby: it may lack a revocation."""

from typing import NoReturn

from server.database.connections import connection, dialect
from server.database.postgres.engine import PostgresClient
from server.database.unavailability import ReadOnlyDatabase

READ_ONLY = {
    # Also on in every transaction of a standby.
    "postgres": "current_setting('transaction_read_only') = 'on'",
    # Never read-only: no other server writes the file, so that its contents are never outdated.
    "sqlite": "0",
}


async def ping() -> None:
    """Raises the driver's error if the database does not answer, or `ReadOnlyDatabase`."""
    await connection().execute_query("SELECT 1")
    await require_writable()


async def require_writable() -> None:
    """Raises `ReadOnlyDatabase` where the database does not take writes.

    Call it after a search without result: a standby may not have received the row yet.
    """
    _, rows = await connection().execute_query(f"SELECT {read_only()} AS read_only")
    if rows[0]["read_only"]:
        await refuse_reading()


def read_only() -> str:
    """A SQL expression, true where the database does not take writes, to select in a lookup."""
    return READ_ONLY[dialect()]


async def refuse_reading() -> NoReturn:
    """Raise `ReadOnlyDatabase`, and replace the connections to the read-only server."""
    client = connection()
    if isinstance(client, PostgresClient):
        await client.expire_connections()
    raise ReadOnlyDatabase
