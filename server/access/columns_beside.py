"""Columns of other tables that pages of tokens and activities read in the statement of the page."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

import orjson

import models
from server.access.reading import Beside, instant_of, row_beside, uuid_of
from server.database import dialect, fetch

# A token with more is read again by itself, so that a page of 100 has a bound.
MAX_KEYS = 250
_KEYS = """
    (SELECT {gather}(k."key") FROM (
        SELECT p."key" FROM token_permission p
        WHERE p.tenant_id = token.tenant_id AND p.token_id = token.id LIMIT {limit}) k)
"""

_LAST_USED_AT = (
    "(SELECT u.last_used_at FROM token_last_use u"
    " WHERE u.tenant_id = token.tenant_id AND u.id = token.id)"
)

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


# Marks a row of which only the columns that name it are read. All columns take longer than the rest
# of the statement.
IN_BRIEF = "/brief"
_TOKEN_IN_BRIEF = ("id", "name")
_ADMIN_IN_BRIEF = ("id", "name", "email", "former_email")


def _admin(name: str, id_column: str, when: str = "") -> dict[str, Beside]:
    """The admin, whole and in brief, to be read under one name."""
    whole = row_beside(name, models.Admin, id_column, when=when)
    brief = row_beside(name, models.Admin, id_column, *_ADMIN_IN_BRIEF, when=when)
    return {name: whole, f"{name}{IN_BRIEF}": brief}


def _token(name: str, id_column: str, when: str) -> dict[str, Beside]:
    """As `_admin`, of a token."""
    whole = row_beside(name, models.Token, id_column, when=when)
    brief = row_beside(name, models.Token, id_column, *_TOKEN_IN_BRIEF, when=when)
    return {name: whole, f"{name}{IN_BRIEF}": brief}


# `keys`: of permissions, a JSON list in no order; `MAX_KEYS` and one more at most.
OF_TOKENS = {
    "keys": Beside("keys", _keys),
    # Most lists show the instant alone.
    "last_used_at": Beside("last_used_at", lambda _: _LAST_USED_AT, instant_of),
    "last_use": row_beside(
        "last_use",
        models.TokenLastUse,
        "token.id",
        *("last_used_at", "last_used_from", "last_used_user_agent"),
    ),
    **_admin("creator", "token.created_by_id"),
    **_admin("owner", "token.owner_id"),
}
OF_ACTIVITIES = {
    **_admin("acting_admin", "activity.actor_id", "activity.actor_kind = 'ADMIN'"),
    **_token("acting_token", "activity.actor_id", "activity.actor_kind = 'HOLDER'"),
    **_admin("subject_admin", "activity.subject_id", "activity.subject_kind = 'ADMIN'"),
    **_token("subject_token", "activity.subject_id", "activity.subject_kind = 'TOKEN'"),
}


def in_brief(names: Iterable[str]) -> set[str]:
    """The names of rows beside, in brief."""
    return {f"{name}{IN_BRIEF}" for name in names}


async def keys_of(
    tenant_id: UUID, token_ids: Collection[UUID], max_keys: int
) -> dict[UUID, list[str]]:
    """The keys that each of these tokens holds, in no order; reads at most `max_keys` of them."""
    held: dict[UUID, list[str]] = {token_id: [] for token_id in token_ids}
    values: list[Any] = [tenant_id, list(token_ids), max_keys]
    if dialect() == "sqlite":
        values = [str(tenant_id), orjson.dumps(list(map(str, token_ids))).decode(), max_keys]
    for token_id, keys in await fetch(_HELD_KEYS[dialect()], values):
        held[uuid_of(token_id)] = orjson.loads(keys)
    return held
