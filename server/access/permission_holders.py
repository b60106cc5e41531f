"""The live tokens that hold some permissions, by the index of fingerprints."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import models
from server.database import connection, dialect

# SQLite takes at most 32,766 parameters in a statement.
_MAX_FINGERPRINTS = 30_000
_HOLDERS = f"""
    FROM token_permission p
    JOIN token k ON k.tenant_id = p.tenant_id AND k.id = p.token_id AND k.{models.LIVE_SQL}
    WHERE p.tenant_id {{tenants}} AND p.fingerprint {{fingerprints}} AND k.tenant_id {{tenants}}
"""


async def count(tenant_ids: Collection[UUID], fingerprints: Sequence[bytes]) -> tuple[int, int]:
    """How many live tokens of these tenants hold one of the permissions, and of how many tenants.

    Looks at 30,000 permissions at most.
    """
    columns = "count(DISTINCT p.token_id) AS tokens, count(DISTINCT p.tenant_id) AS tenants"
    [row] = await _ask(columns, "", tenant_ids, fingerprints)
    return row["tokens"], row["tenants"]


async def keys(
    tenant_ids: Collection[UUID], fingerprints: Sequence[bytes], limit: int
) -> list[str]:
    """The keys of those of the permissions that live tokens of these tenants hold."""
    rows = await _ask("DISTINCT p.key", f"ORDER BY p.key LIMIT {limit}", tenant_ids, fingerprints)
    return [row["key"] for row in rows]


async def token_ids(tenant_id: UUID, fingerprints: Sequence[bytes], limit: int) -> list[UUID]:
    """The ids of the tenant's live tokens that hold one of the permissions, newest first."""
    last = f"ORDER BY p.token_id DESC LIMIT {limit}"
    rows = await _ask("DISTINCT p.token_id", last, [tenant_id], fingerprints)
    return [UUID(str(row["token_id"])) for row in rows]


async def _ask(
    columns: str, last: str, tenant_ids: Collection[UUID], fingerprints: Sequence[bytes]
) -> list[Any]:
    sought = fingerprints[:_MAX_FINGERPRINTS]
    values: list[Any]
    if dialect() == "postgres":
        # One tenant by `=`: of a distributed database, one node is asked.
        is_one = len(tenant_ids) == 1
        values = [next(iter(tenant_ids)) if is_one else tuple(tenant_ids), tuple(sought)]
        tenants = "= $1" if is_one else "= ANY($1)"
        holders = _HOLDERS.format(tenants=tenants, fingerprints="= ANY($2)")
    else:
        values = [*map(str, tenant_ids), *sought]
        places = [f"?{place}" for place in range(1, len(values) + 1)]
        holders = _HOLDERS.format(
            tenants=f"IN ({','.join(places[: len(tenant_ids)])})",
            fingerprints=f"IN ({','.join(places[len(tenant_ids) :])})",
        )
    statement = f"SELECT {columns} {holders} {last}"
    return list(await connection().execute_query_dict(statement, values))
