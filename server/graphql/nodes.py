"""Any object by its global id (Relay Object Identification)."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import strawberry

from server.errors import QueryTooComplex
from server.global_ids import decode_id
from server.graphql.admins import shown_admin
from server.graphql.basics import Node
from server.graphql.context import Info
from server.graphql.tenants import tenant
from server.graphql.tokens import ACTIVITY_TYPES, shown_activity, shown_token
from server.operations import activity

MAX_IDS = 100
NodeId = Annotated[strawberry.ID, strawberry.argument(description="Its global id.")]
NodeIds = Annotated[
    list[strawberry.ID], strawberry.argument(description="Their global ids, at most 100.")
]


async def node(info: Info, id: NodeId) -> Node | None:
    """Return one object of the tenant, or null."""
    return (await _find(info, [id]))[0]


async def nodes(info: Info, ids: NodeIds) -> list[Node | None]:
    """Return objects of the tenant in the order of `ids`, null for an unknown id."""
    if len(ids) > MAX_IDS:
        raise QueryTooComplex(f"Ask for at most {MAX_IDS} nodes at once.")
    return await _find(info, ids)


async def _find(info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
    decoded = [decode_id(text) for text in ids]
    wanted = [row_id for name, row_id in filter(None, decoded) if name in _ACTIVITIES]
    happened = await activity.find_many(info.context.principal, wanted) if wanted else {}

    async def find(name: str, row_id: UUID) -> Node | None:
        if name in _ACTIVITIES:
            row = happened.get(row_id)
            shown = shown_activity(info, row) if row else None
            return shown if isinstance(shown, Node) and type(shown).__name__ == name else None
        finder = _FINDERS.get(name)
        return await finder(info, row_id) if finder else None

    return [await find(*one) if one else None for one in decoded]


async def _find_token(info: Info, row_id: UUID) -> Node | None:
    row = await info.context.tokens.load(row_id)
    return shown_token(row) if row else None


async def _find_admin(info: Info, row_id: UUID) -> Node | None:
    row = await info.context.admins.load(row_id)
    return shown_admin(row) if row else None


async def _find_tenant(info: Info, row_id: UUID) -> Node | None:
    return await tenant(info) if row_id == info.context.principal.tenant_id else None


_ACTIVITIES = {shown.__name__ for shown in ACTIVITY_TYPES}
_FINDERS: dict[str, Callable[[Info, UUID], Awaitable[Node | None]]] = {
    "Token": _find_token,
    "Admin": _find_admin,
    "Tenant": _find_tenant,
}
