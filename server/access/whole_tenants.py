"""All that a tenant has, in every table: read for an export, and deleted, in portions."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from tortoise.expressions import Q

import models
from server.database import connection, dialect

_ROWS = 500
# Secrets, and digests of them. An export leaves out columns of bytes as well: digests, sealed
# secrets, and fingerprints of other columns.
_SECRET = {"password_hash", "idempotency_key"}
# Made of other rows, for searches.
_DERIVED = {"token_search"}
# Changes of a tenant lock one of these rows, if only that of the admin or the token that acts. They
# are deleted first: then no change begins any more, and all rows are there to be deleted.
_FIRST = ("session", "admin", "token", "webhook")
_DELETE = """
    WITH portion AS MATERIALIZED (
        SELECT r.{key} FROM {table} r WHERE r.tenant_id = $1 LIMIT {rows})
    DELETE FROM {table} AS d WHERE d.tenant_id = $1 AND d.{key} {among} RETURNING tenant_id
"""
_AMONG = {
    "postgres": "= ANY(ARRAY(SELECT s.{key} FROM portion s))",
    "sqlite": "IN (SELECT s.{key} FROM portion s)",
}


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of tenants' rows. key: unique within a tenant. shown, hidden: columns of an export.

    order: columns that are unique within a tenant too, by which its rows are read.
    """

    row: Any
    key: str
    order: tuple[str, ...]
    shown: tuple[str, ...]
    hidden: tuple[str, ...]


def tables() -> tuple[str, ...]:
    """Every table of tenants' rows, in the order in which they are deleted."""
    return tuple(_tables())


def left_out() -> dict[str, tuple[str, ...]]:
    """The columns that an export leaves out, by table; `*` for all of them."""
    return {
        name: ("*",) if name in _DERIVED else table.hidden
        for name, table in sorted(_tables().items())
        if name in _DERIVED or table.hidden
    }


async def rows_in_portions(
    tenant_id: UUID,
) -> AsyncGenerator[tuple[str, list[dict[str, Any]]], None]:
    """The rows of a tenant, by table, without the columns of `left_out`."""
    for name, table in _tables().items():
        if name in _DERIVED:
            continue
        rows = await _after(table, tenant_id, None)
        while rows:
            yield name, rows
            rows = await _after(table, tenant_id, rows[-1])


async def delete_portion(table: str, tenant_id: UUID) -> int:
    """Delete some rows of a tenant from one table; gives how many, 0 if none is left."""
    key = _tables()[table].key
    among = _AMONG[dialect()].format(key=key)
    sql = _DELETE.format(table=table, key=key, rows=_ROWS, among=among)
    if dialect() == "postgres":
        return len(await connection().execute_query_dict(sql, [tenant_id]))
    return len(await connection().execute_query_dict(sql.replace("$", "?"), [str(tenant_id)]))


@cache
def _tables() -> dict[str, _Table]:
    """Read from the models, so that no table is forgotten."""
    # exempt queries_without_a_tenant: `_after` and `delete_portion` name the tenant
    classes: Sequence[Any] = (*models.TenantRow.__subclasses__(), models.TokenSecret)
    found = dict(sorted((models.table_of(row), _table(row)) for row in classes))
    return {name: found.pop(name) for name in _FIRST} | found


def _table(row: Any) -> _Table:
    described = row.describe()
    key = described["pk_field"]
    columns = {one["name"]: one["field_type"] for one in (key, *described["data_fields"])}
    hidden = {name for name, kind in columns.items() if kind == "BinaryField" or name in _SECRET}
    order = ("token_id", "generation") if key["name"] in hidden else (key["name"],)
    shown = tuple(name for name in columns if name not in hidden)
    return _Table(row, key["name"], order, shown, tuple(sorted(hidden)))


async def _after(
    table: _Table, tenant_id: UUID, last: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """The next rows in the order of the table, of one column or of two."""
    query = table.row.filter(tenant_id=tenant_id)
    if last is not None:
        first, *rest = table.order
        later = Q(**{f"{first}__gt": last[first]})
        for name in rest:
            later |= Q(**{first: last[first], f"{name}__gt": last[name]})
        query = query.filter(later)
    rows: list[dict[str, Any]] = (
        await query.order_by(*table.order).limit(_ROWS).values(*table.shown)
    )
    return rows
