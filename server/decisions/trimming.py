"""Statements of the decision log that keep a token's latest rows and delete the others."""
# ruff: noqa: S608 - the statements are made of constants

from collections.abc import Sequence

from server.decisions.json_members import members

_GIVEN = {
    "postgres": "json_to_recordset($1::json) AS u(tenant_id uuid, token_id uuid)",
    "sqlite": f"(SELECT {members('tenant_id token_id')} FROM json_each(?)) AS u",
}


def too_old(dialect: str, table: str, order: Sequence[str], kept: int, only: str = "true") -> str:
    """A query for the ids, with their tenants', of all rows but each token's latest `kept`.

    Takes the ids of tokens as JSON. order: columns that are unique together, by which rows are
    older. only: the condition for rows that count; `{}` stands for the table in it.
    """
    newest_first = ", ".join(f"x.{column} DESC" for column in order)
    # exempt statements_without_a_tenant: the table is the caller's, and compared by its tenant
    return f"""
        SELECT r.tenant_id, r.id
        FROM {_GIVEN[dialect]}
        JOIN {table} r ON r.tenant_id = u.tenant_id AND r.token_id = u.token_id
        WHERE {only.format("r")} AND ({_columns("r", order)}) <= (
            SELECT {_columns("x", order)} FROM {table} x
            WHERE x.tenant_id = u.tenant_id AND x.token_id = u.token_id AND {only.format("x")}
            ORDER BY {newest_first} LIMIT 1 OFFSET {kept})
    """


def delete_found(dialect: str, table: str, found: str) -> str:
    """A statement that deletes the rows which the query `found` gives."""
    if dialect == "sqlite":
        return f"DELETE FROM {table} WHERE (tenant_id, id) IN ({found})"
    # Skips rows that another instance is deleting: two instances that waited for each other here
    # would deadlock.
    return f"""
        WITH old AS MATERIALIZED ({found} FOR UPDATE OF r SKIP LOCKED)
        DELETE FROM {table} r USING old WHERE r.tenant_id = old.tenant_id AND r.id = old.id
    """


def _columns(alias: str, names: Sequence[str]) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)
