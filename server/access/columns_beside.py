"""Columns of other tables that pages of tokens and activities read in the statement of the page."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import orjson

import models
from server.access.reading import Beside, row_beside, uuid_of
from server.database import dialect, fetch

# A token with more is read again by itself, so that a page of 100 has a bound.
MAX_KEYS = 250
_KEYS = """
    (SELECT {gather}(k."key") FROM (
        SELECT p."key" FROM token_permission p
        WHERE p.tenant_id = token.tenant_id AND p.token_id = token.id LIMIT {limit}) k)
"""

# A row for each token instead of each permission: ten times fewer for Python to go through.
_HELD_KEYS = {
    "postgres": """
        SELECT token_id, json_agg("key") AS keys FROM (
            SELECT token_id, "key" FROM token_permission
            WHERE tenant_id = $1 AND token_id = ANY($2) LIMIT $3) AS held
        GROUP BY token_id
    """,
    "sqlite": """
        SELECT token_id, json_group_array("key") AS keys FROM (
            SELECT token_id, "key" FROM token_permission
            WHERE tenant_id = ?1 AND token_id IN (SELECT value FROM json_each(?2)) LIMIT ?3)
        GROUP BY token_id
    """,
}


def _keys(dialect: str) -> str:
    gather = "json_agg" if dialect == "postgres" else "json_group_array"
    return _KEYS.format(gather=gather, limit=MAX_KEYS + 1)


# `keys`: of permissions, in no order; `MAX_KEYS` and one more at most.
OF_TOKENS = {
    one.name: one
    for one in (
        Beside("keys", _keys, orjson.loads),
        row_beside(
            "last_use",
            models.TokenLastUse,
            "token.id",
            *("last_used_at", "last_used_from", "last_used_user_agent"),
        ),
        row_beside("creator", models.Admin, "token.created_by_id"),
        row_beside("owner", models.Admin, "token.owner_id"),
    )
}
# Ids of admins and tokens differ: where the actor is no admin, there is no such row.
OF_ACTIVITIES = {
    one.name: one
    for one in (
        row_beside("acting_admin", models.Admin, "activity.actor_id"),
        row_beside("acting_token", models.Token, "activity.actor_id"),
        row_beside("subject_admin", models.Admin, "activity.subject_id"),
        row_beside("subject_token", models.Token, "activity.subject_id"),
    )
}


async def keys_of(
    tenant_id: UUID, token_ids: Collection[UUID], max_keys: int
) -> dict[UUID, list[str]]:
    """The keys that each of these tokens holds, in no order; reads at most `max_keys` of them."""
    held: dict[UUID, list[str]] = {token_id: [] for token_id in token_ids}
    values: list[Any] = [tenant_id, list(token_ids), max_keys]
    if dialect() == "sqlite":
        values = [str(tenant_id), orjson.dumps(values[1]).decode(), max_keys]
    for token_id, keys in await fetch(_HELD_KEYS[dialect()], values):
        held[uuid_of(token_id)] = orjson.loads(keys)
    return held
