"""Transactions that tell the database whose rows they reach: row-level security, and Citus."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from server.database.reach import EVERY_TENANT, SETTING

# The statement that tells it, for what `reached` gives.
Naming = Callable[[UUID | None], str]

# For the end of a statement that timed out: a server that is well answers at once.
RELEASE_SECONDS = 0.5


def naming(tenant_id: UUID | None) -> str:
    """The statement that names it until the end of the transaction; None for nobody's rows."""
    return f"SET LOCAL {SETTING} = '{tenant_id or ''}'"


def spreading(tenant_id: UUID | None) -> str:
    """The statement that lets Citus ask all nodes, until the end of the transaction.

    Only where the transaction reaches all tenants: an operator may have told Citus to refuse it.
    """
    level = "off" if tenant_id == EVERY_TENANT else "DEFAULT"
    return f"SET LOCAL citus.multi_task_query_log_level TO {level}"


@asynccontextmanager
async def named_transaction(connection: Any, statement: str) -> AsyncIterator[None]:
    """A transaction of few statements, which begins and names its tenant in one round trip.

    statement: of a `Naming`. The driver's own transactions begin by a statement that takes no other
    beside it.
    """
    await connection.execute(f"BEGIN ISOLATION LEVEL READ COMMITTED; {statement}")
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
