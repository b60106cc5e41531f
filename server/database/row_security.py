"""PostgreSQL's row-level security, in addition to the tenant that each statement names.

A query that forgets its tenant then finds no row of another. `policies` has the policies, and
`reach` what a transaction names to them.
"""

from server.database.connections import connection, dialect, note_row_security, transaction
from server.database.distribution import has_distributed_tables
from server.database.migrations import (
    LOCK_TIMEOUT,
    require_migrated,
    told_to_the_operator,
    when_unlocked,
)
from server.database.policies import State, bring, states
from server.errors import Misconfigured
from server.settings import Settings

_IS_ACTIVE = "SELECT current_user AS role, row_security_active('tenant') AS is_active"


async def secure_rows(settings: Settings, wanted: State) -> int:
    """Bring all tables of tenants' rows to a state, in one transaction; gives how many changed.

    May be repeated. Raises `Misconfigured` for a database that cannot have row-level security.
    """
    if settings.embedded:
        raise Misconfigured("An embedded database has no row-level security.")

    async def change() -> int:
        async with told_to_the_operator(), transaction() as client:
            await client.execute_query(LOCK_TIMEOUT)
            await require_migrated()
            await _require_one_node()
            found = await states()
            for table, state in found.items():
                if state is not wanted:
                    await bring(table, state, wanted)
            return sum(state is not wanted for state in found.values())

    return await when_unlocked(settings, change)


async def settle_row_security() -> None:
    """Find out once whether the connected database has policies.

    Transactions name their tenants then.

    Raises `Misconfigured` where only some tables have theirs, or where the role bypasses them.
    """
    if dialect() != "postgres":
        return
    found = await states()
    if max(found.values()) is State.OFF:
        return
    least = min(found, key=lambda table: found[table])
    if found[least] is not max(found.values()):
        raise Misconfigured(
            f"The table {least} lacks row-level security, and others have it. Run"
            " `tessera row-security`."
        )
    if found[least] is State.ENFORCED:
        await _require_subject_to_policies()
    note_row_security()


async def _require_subject_to_policies() -> None:
    [row] = await connection().execute_query_dict(_IS_ACTIVE)
    if not row["is_active"]:
        raise Misconfigured(
            f"The role {row['role']} bypasses row-level security, which is on in this database:"
            " use a role that has neither SUPERUSER nor BYPASSRLS."
        )


async def _require_one_node() -> None:
    if await has_distributed_tables():
        raise Misconfigured(
            "Row-level security and Citus exclude each other: the nodes of Citus are not told"
            " whose rows a transaction reaches."
        )
