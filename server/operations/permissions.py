"""What the tokens of the whole installation hold."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

import models
from server.access.principal import Operator
from server.catalogue import Catalogue
from server.database import connection, dialect
from server.roles import Right

MOST_SHOWN = 100
# The operator's own question, about all tenants: rare, and allowed to read everything once.
_HOLDERS = """
    SELECT t.slug, k.id, k.name, k.hint, {keys} AS keys
    FROM token_permission p
    JOIN token k ON k.tenant_id = p.tenant_id AND k.id = p.token_id AND k.revoked_at IS NULL
    JOIN tenant t ON t.id = p.tenant_id
    WHERE {fingerprint} NOT IN ({known})
    GROUP BY t.slug, k.id, k.name, k.hint
    ORDER BY t.slug, k.id
"""
_STATEMENTS = {
    "postgres": _HOLDERS.format(
        keys="json_agg(p.key ORDER BY p.key)",
        fingerprint="encode(p.fingerprint, 'hex')",
        known="SELECT json_array_elements_text($1::json)",
    ),
    "sqlite": _HOLDERS.format(
        keys="json_group_array(p.key)",
        fingerprint="lower(hex(p.fingerprint))",
        known="SELECT value FROM json_each(?)",
    ),
}


@dataclass(frozen=True, slots=True)
class Holder:
    """A live token, and the permissions that it holds of those asked about."""

    tenant: str
    name: str
    hint: str
    keys: tuple[str, ...]


async def holders_of_dropped(
    operator: Operator, catalogue: Catalogue
) -> tuple[int, tuple[Holder, ...]]:
    """The live tokens, of all tenants, that hold permissions which `catalogue` has not.

    How many there are, and the first 100 by tenant.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    known = [models.permission_fingerprint(one.key).hex() for one in catalogue.permissions]
    rows = await _holders(known)
    shown = tuple(
        Holder(row["slug"], row["name"], row["hint"], tuple(sorted(orjson.loads(row["keys"]))))
        for row in rows[:MOST_SHOWN]
    )
    return len(rows), shown


async def _holders(known: Iterable[str]) -> list[Any]:
    parameters = [orjson.dumps(list(known)).decode()]
    return list((await connection().execute_query(_STATEMENTS[dialect()], parameters))[1])
