"""An activity as its members, and as a line of NDJSON: one JSON object, ended by a line feed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from models import Activity
from server.access.activity_ids import (
    ACTOR_TYPES,
    SUBJECT_TYPES,
    actor_id_of,
    details_of,
    subject_id_of,
)
from server.access.principal import Principal
from server.operations import admins, tokens
from server.paging import encode_cursor
from server.web.json import rfc3339

# The GraphQL connection whose cursors the lines carry.
CONNECTION = "activity"


@dataclass(frozen=True, slots=True)
class Names:
    """The names of admins and tokens by their ids, as they are now."""

    by_id: Mapping[UUID, str]

    @classmethod
    async def of(cls, principal: Principal, rows: Sequence[Activity]) -> "Names":
        """The names of the actors and subjects of these activities."""
        found: dict[UUID, str] = {}
        for admin in (await admins.find_many(principal, _ids(rows, "Admin"))).values():
            found[admin.id] = admin.name
        for token in (await tokens.find_many(principal, _ids(rows, "Token"))).values():
            found[token.id] = token.name
        return cls(found)


def _ids(rows: Iterable[Activity], type_name: str) -> set[UUID]:
    """The ids of that type among actors and subjects."""
    ids = set()
    for row in rows:
        if ACTOR_TYPES.get(row.actor_kind) == type_name:
            ids.add(row.actor_id)
        if SUBJECT_TYPES.get(row.subject_kind) == type_name:
            ids.add(row.subject_id)
    return ids


def members_of(row: Activity, names: Names) -> dict[str, Any]:
    """The members of one activity. They have the same values as GraphQL's, and no secret."""
    return {
        "cursor": encode_cursor(CONNECTION, row.id),
        "sequence": row.sequence,
        "id": str(row.id),
        "occurredAt": rfc3339(row.created_at),
        "kind": row.kind.value,
        "actor": {
            "kind": row.actor_kind.value,
            "id": actor_id_of(row),
            "name": names.by_id.get(row.actor_id, row.actor_name),
        },
        "subject": {
            "kind": row.subject_kind.value,
            "id": subject_id_of(row),
            "name": names.by_id.get(row.subject_id),
        },
        "address": row.address,
        "details": details_of(row),
    }


def line(row: Activity, names: Names) -> bytes:
    """The line of one activity."""
    return orjson.dumps(members_of(row, names), option=orjson.OPT_APPEND_NEWLINE)


def last_line(problem: Mapping[str, str]) -> bytes:
    """The last line of a stream that cannot go on: it has no cursor."""
    return orjson.dumps({"problem": problem}, option=orjson.OPT_APPEND_NEWLINE)
