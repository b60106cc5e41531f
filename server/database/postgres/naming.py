"""Transactions that name to PostgreSQL whose rows they reach, for its row-level security."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from server.database.reach import SETTING

# For the end of a statement that timed out: a server that is well answers at once.
RELEASE_SECONDS = 0.5


def naming(tenant_id: UUID | None) -> str:
    """The statement that names it until the end of the transaction; None for nobody's rows."""
    return f"SET LOCAL {SETTING} = '{tenant_id or ''}'"


@asynccontextmanager
async def named_transaction(connection: Any, tenant_id: UUID) -> AsyncIterator[None]:
    """A transaction of few statements, which begins and names the tenant in one round trip.

    The driver's own transactions begin by a statement that takes no other beside it.
    """
    await connection.execute(f"BEGIN ISOLATION LEVEL READ COMMITTED; {naming(tenant_id)}")
    try:
        yield
    except BaseException:
        await _roll_back(connection)
        raise
    await connection.execute("COMMIT")


async def _roll_back(connection: Any) -> None:
    try:
        async with asyncio.timeout(RELEASE_SECONDS):
            await connection.execute("ROLLBACK")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        if not connection.is_closed():
            connection.terminate()
