"""Checks the rights of the connections' role in PostgreSQL, before a statement fails for lack of
one.
"""

from tortoise.context import require_context

import models
from server.database.connections import connection, dialect
from server.errors import Misconfigured

_SCHEMA = """
SELECT current_user AS role, current_schema() AS schema, current_setting('search_path') AS path,
       has_schema_privilege(current_schema(), 'CREATE') AS may_create
"""
_LACKING = """
SELECT min(name) AS name FROM unnest($1::text[]) AS every(name)
WHERE NOT (has_table_privilege(name, 'SELECT') AND has_table_privilege(name, 'INSERT')
           AND has_table_privilege(name, 'UPDATE') AND has_table_privilege(name, 'DELETE'))
"""


async def require_schema(*, to_create: bool = False) -> None:
    """Raises `Misconfigured` unless the role may use a schema of its `search_path`.

    to_create: unless it may also create tables there, as migrations do.
    """
    if dialect() != "postgres":
        return
    _, [row] = await connection().execute_query(_SCHEMA)
    if row["schema"] is None:
        raise Misconfigured(
            f"The role {row['role']} may use no schema of its search_path ({row['path']}):"
            " create the schema, or grant USAGE on it."
        )
    if to_create and not row["may_create"]:
        raise Misconfigured(
            f"The role {row['role']} may not create tables in the schema {row['schema']}: grant"
            " CREATE on it, or name a schema of its own by options=-csearch_path%3DNAME."
        )


async def require_rights() -> None:
    """Raises `Misconfigured` unless the role may read and write every table of the models."""
    if dialect() != "postgres":
        return
    apps = require_context().apps
    tables = [models.table_of(model) for model in apps["models"].values()] if apps else []
    _, [row] = await connection().execute_query(_LACKING, [tables])
    if row["name"] is not None:
        raise Misconfigured(
            f"The role of TESSERA_DATABASE_URL lacks rights on the table {row['name']}: grant"
            " SELECT, INSERT, UPDATE and DELETE on all tables of its schema."
        )
