"""The policies of PostgreSQL's row-level security: one for each table of tenants' rows.

A policy compares the tenant of a row with that of the transaction, see `reach`. Without a
name it lets no row pass. `FORCE` makes the owner of a table subject to it too.
"""

from enum import IntEnum

from models.distribution import TABLES
from server.database.connections import connection, dialect
from server.database.reach import EVERY_TENANT, SETTING

# The column that names the tenant, by table.
COVERED = {"tenant": "id", "token_secret": "tenant_id"} | dict.fromkeys(TABLES, "tenant_id")
_POLICY = "tessera_tenant"
# The setting is read once for a statement, not for each row. The planner assumes that IS NOT NULL
# holds for nearly all rows, as it does: statements name the tenant themselves. With a comparison it
# would expect few rows, and read a whole tenant to sort it.
_CREATE = (
    f"CREATE POLICY {_POLICY} ON {{table}} USING"
    f" (CASE WHEN (SELECT nullif(current_setting('{SETTING}', true), '')::uuid)"
    f" = ANY (ARRAY[{{column}}, '{EVERY_TENANT}'::uuid]) THEN true END IS NOT NULL)"
)
_DROP = f"DROP POLICY IF EXISTS {_POLICY} ON {{table}}"
_ENFORCE = "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
_RELAX = "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY"
_STATES = """
    SELECT n.name, p.oid IS NOT NULL AS has_policy,
        coalesce(c.relrowsecurity AND c.relforcerowsecurity, false) AS is_enforced
    FROM unnest($1::text[]) AS n(name)
    LEFT JOIN pg_class c ON c.oid = to_regclass(n.name)
    LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = $2
"""


class State(IntEnum):
    """How far row-level security is on, for a table."""

    OFF = 0
    # The table has its policy, which takes no effect yet.
    PREPARED = 1
    ENFORCED = 2


async def states() -> dict[str, State]:
    """The state of each table of tenants' rows."""
    rows = await connection().execute_query_dict(_STATES, [list(COVERED), _POLICY])
    return {row["name"]: _state(row["has_policy"], row["is_enforced"]) for row in rows}


def _state(has_policy: bool, is_enforced: bool) -> State:
    if not has_policy:
        return State.OFF
    return State.ENFORCED if is_enforced else State.PREPARED


async def bring(table: str, before: State, after: State) -> None:
    """Bring a table from a state to another. Call it within a transaction, as the table's owner."""
    statements = []
    if before is State.OFF:
        statements.append(_CREATE)
    if after is State.ENFORCED:
        statements.append(_ENFORCE)
    elif before is State.ENFORCED:
        statements.append(_RELAX)
    if after is State.OFF:
        statements.append(_DROP)
    for statement in statements:
        sql = statement.format(table=table, column=COVERED[table])
        await connection().execute_script(sql)


async def cover_new_tables() -> None:
    """Bring tables that a migration has added to the state of the others, in its transaction."""
    if dialect() != "postgres":
        return
    found = await states()
    wanted = max(found.values())
    for table, state in found.items():
        if state is State.OFF and wanted is not State.OFF:
            await bring(table, state, wanted)
