"""Recognises a database that was restored from a backup, in which later revocations are missing.

A restored database is not served until the operator runs `tessera restored`. A copy of an embedded
database has a mark. On PostgreSQL, a database is recognised if its place differs from the one where
it was served, as after a dump is restored into another database.
"""

from typing import Any

from server.database.connections import connection, dialect
from server.database.sqlite.marking import MARK_SQLITE
from server.errors import Misconfigured

_STATE = "SELECT place, restored_at IS NOT NULL AS restored FROM installation_state WHERE id = 1"
_CLAIM = {
    "postgres": """
        INSERT INTO installation_state (id, place) VALUES (1, $1)
        ON CONFLICT (id) DO UPDATE SET place = excluded.place
        WHERE installation_state.place IS NULL AND installation_state.restored_at IS NULL
    """,
    "sqlite": """
        INSERT INTO installation_state (id, place) VALUES (1, ?) ON CONFLICT (id) DO NOTHING
    """,
}
_MARK = {
    "postgres": """
        INSERT INTO installation_state (id, restored_at) VALUES (1, clock_timestamp())
        ON CONFLICT (id) DO UPDATE SET restored_at = excluded.restored_at
        WHERE installation_state.restored_at IS NULL
    """,
    "sqlite": MARK_SQLITE,
}
_ACCEPT = {
    "postgres": """
        INSERT INTO installation_state (id, place) VALUES (1, $1)
        ON CONFLICT (id) DO UPDATE SET place = excluded.place, restored_at = NULL
    """,
    "sqlite": """
        INSERT INTO installation_state (id, place) VALUES (1, ?)
        ON CONFLICT (id) DO UPDATE SET place = excluded.place, restored_at = NULL
    """,
}
# A service may withhold the function, and a database that only speaks like PostgreSQL may lack it.
_MAY_READ_PLACE = """
    SELECT coalesce(
        has_function_privilege(to_regprocedure('pg_catalog.pg_control_system()'), 'EXECUTE'), false
    ) AS may
"""
# A standby that is promoted keeps both numbers. So does a server that was restored from its files:
# that one cannot be told.
_PLACE = """
    SELECT concat_ws('/', s.system_identifier, d.oid) AS place
    FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()
"""


class Restored(Misconfigured):
    """The database was restored, and the operator has not said yet how to go on."""

    def __init__(self) -> None:
        super().__init__(
            "The database was restored or copied: tokens that were revoked since its backup would"
            " be accepted again. Run `tessera restored --revocations FILE`, or"
            " `tessera restored --accept` where none was."
        )


async def require_settled() -> None:
    """Raises `Restored`. Notes where the database is, the first time that it is served."""
    place = await _place()
    state = await _state()
    if state is None or (state["place"] is None and place is not None and not state["restored"]):
        await connection().execute_query(_CLAIM[dialect()], [place])
        state = await _state()
    if _is_elsewhere(state, place):
        await mark_restored()
    if _is_elsewhere(state, place) or (state and state["restored"]):
        raise Restored


async def refuse_restored() -> None:
    """Raises `Restored`, and writes nothing: the database of a running instance may be replaced."""
    state = await _state()
    if state and (state["restored"] or _is_elsewhere(state, await _place())):
        raise Restored


async def mark_restored() -> None:
    """Note that the database was restored: `require_settled` refuses it from here on."""
    await connection().execute_query(_MARK[dialect()], [])


async def accept_restored() -> None:
    """Note that the database may be served, where it is now."""
    await connection().execute_query(_ACCEPT[dialect()], [await _place()])


def _is_elsewhere(state: dict[str, Any] | None, place: str | None) -> bool:
    known = state and state["place"]
    return bool(known and place and known != place)


async def _state() -> dict[str, Any] | None:
    rows = await connection().execute_query_dict(_STATE)
    return rows[0] if rows else None


async def _place() -> str | None:
    """The place of the database; None where it cannot be told."""
    if dialect() != "postgres":
        return None
    [allowed] = await connection().execute_query_dict(_MAY_READ_PLACE)
    if not allowed["may"]:
        return None
    [found] = await connection().execute_query_dict(_PLACE)
    place: str = found["place"]
    return place
