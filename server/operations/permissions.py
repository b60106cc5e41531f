"""The permissions that tokens of the whole installation hold."""
# ruff: noqa: S608 - the statements are made of constants

from dataclasses import dataclass
from typing import Any

import orjson

import models
from server.access.principal import Operator
from server.catalogue import Catalogue
from server.database import connection, dialect
from server.roles import Right

MAX_SHOWN = 100
# The operator's own question, about all tenants: rare, and allowed to read everything once.
_HOLDERS = f"""
    SELECT t.slug, k.id, k.name, k.hint, {{keys}} AS keys
    FROM token_permission p
    JOIN token k ON k.tenant_id = p.tenant_id AND k.id = p.token_id AND k.{models.LIVE_SQL}
    JOIN tenant t ON t.id = p.tenant_id
    WHERE {{lost}}
    GROUP BY t.slug, k.id, k.name, k.hint
    ORDER BY t.slug, k.id
"""
# Whenever an instance starts: so many rows are looked at that no start waits for it.
_MAX_COUNTED = 500_000
_COUNTS = f"""
    SELECT count(*) AS permissions, count(DISTINCT p.token_id) AS tokens,
           count(DISTINCT p.tenant_id) AS tenants
    FROM (SELECT tenant_id, token_id, fingerprint FROM token_permission LIMIT {_MAX_COUNTED}) AS p
    JOIN token k ON k.tenant_id = p.tenant_id AND k.id = p.token_id AND k.{models.LIVE_SQL}
    WHERE {{lost}}
"""
_KEYS = {
    "postgres": "json_agg(p.key ORDER BY p.key)",
    "sqlite": "json_group_array(p.key)",
}
_LOST = {
    "postgres": (
        "p.fingerprint NOT IN"
        " (SELECT decode(known, 'hex') FROM json_array_elements_text($1::json) AS known)"
    ),
    "sqlite": "lower(hex(p.fingerprint)) NOT IN (SELECT value FROM json_each(?))",
}


@dataclass(frozen=True, slots=True)
class Holder:
    """A live token, and the permissions that it holds of those asked about."""

    tenant: str
    name: str
    hint: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many permissions the document lacks, held by how many live tokens of how many tenants."""

    permissions: int
    tokens: int
    tenants: int


async def holders_of_dropped(
    operator: Operator, catalogue: Catalogue
) -> tuple[int, tuple[Holder, ...]]:
    """The live tokens, of all tenants, that hold permissions which `catalogue` has not.

    How many there are, and the first 100 by tenant.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    rows = await _ask(_HOLDERS, catalogue)
    shown = tuple(
        Holder(row["slug"], row["name"], row["hint"], tuple(sorted(orjson.loads(row["keys"]))))
        for row in rows[:MAX_SHOWN]
    )
    return len(rows), shown


async def count_dropped(operator: Operator, catalogue: Catalogue) -> Dropped:
    """The permissions of live tokens, of all tenants, that `catalogue` lacks; in bounded time.

    Of the first 500,000 permissions that tokens hold: more than none is certain, none is not.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    (row,) = await _ask(_COUNTS, catalogue)
    return Dropped(row["permissions"], row["tokens"], row["tenants"])


async def _ask(statement: str, catalogue: Catalogue) -> list[Any]:
    known = [models.permission_fingerprint(one.key).hex() for one in catalogue.permissions]
    parts = statement.format(keys=_KEYS[dialect()], lost=_LOST[dialect()])
    return list((await connection().execute_query(parts, [orjson.dumps(known).decode()]))[1])
