"""Access requests: the type, and the queries that return it. `access_changes` has the mutations."""

from collections.abc import Sequence
from dataclasses import field
from typing import Annotated, Any, ForwardRef
from uuid import UUID

import strawberry
from strawberry import UNSET

import models
from models import AccessRequestState
from server.global_ids import encode_id
from server.graphql.admins import Admin, find_admins
from server.graphql.basics import DateTime, described, given
from server.graphql.connection import After, Connection, First, connection
from server.graphql.context import Context, Info
from server.graphql.loading import load_selected, loaded
from server.graphql.nodes import Node, finder, finds
from server.graphql.permissions import Permission, shown_permissions
from server.operations import access_requests
from server.paging import Page, page_request

REQUESTS = "access-requests"
_MAX_INT = 2**31 - 1
described(
    AccessRequestState,
    "The state of an access request.",
    OPEN="No admin has decided it.",
    GRANTED="The token got the permission, by this request or otherwise.",
    DECLINED="An admin declined it, with a reason.",
    ENDED="The token was revoked before an admin decided it.",
)
State = Annotated[
    AccessRequestState | None,
    strawberry.argument(description="Only those in this state; all by default."),
]

# A token has requests, and a request a token: this file cannot import that of tokens.
_TOKEN: Any = Annotated[ForwardRef("Token"), strawberry.lazy("server.graphql.tokens")]
_Rows = Sequence[models.AccessRequest]


async def _load_tokens(context: Context, rows: _Rows) -> list[Any]:
    found = await context.load_distinct(finder("Token"), (row.token_id for row in rows))
    return [found[row.token_id] for row in rows]


async def _load_deciders(context: Context, rows: _Rows) -> list[Admin | None]:
    ids = [row.decided_by_id for row in rows]
    found = await context.load_distinct(find_admins, (one for one in ids if one is not None))
    return [found[one] if one is not None else None for one in ids]


async def _load_refusals(context: Context, rows: _Rows) -> list[int]:
    counts = await access_requests.recent_refusals(context.principal, rows)
    return [min(counts[row.id], _MAX_INT) for row in rows]


@strawberry.type(description="The holder of a token asks for a permission that the token lacks.")
class AccessRequest(Node):
    token: Node = loaded(_load_tokens, graphql_type=_TOKEN, description="The token.")
    permission: Permission = strawberry.field(description="The requested permission.")
    reason: str = strawberry.field(
        description="The holder's reason: unchecked text, which may contain line breaks."
    )
    state: AccessRequestState = strawberry.field(description="Its state.")
    requested_at: DateTime = strawberry.field(description="When the holder asked.")
    requested_from: str = strawberry.field(description="The address the holder asked from.")
    recent_refusal_count: int = loaded(
        _load_refusals,
        description="How many calls of the token to this endpoint were denied in the last 30 days.",
    )
    decided_at: DateTime | None = strawberry.field(
        description="When it was granted, declined or ended. Null while it is open."
    )
    decided_by: Admin | None = loaded(
        _load_deciders,
        description="The admin who granted or declined it, removed admins included. Null if there "
        "is none.",
    )
    decline_reason: str | None = strawberry.field(
        description="The reason for the holder why it was declined. Null if it was not."
    )
    row: strawberry.Private[models.AccessRequest]
    loaded_values: strawberry.Private[dict[str, Any]] = field(default_factory=dict)


AccessRequestConnection = Connection[AccessRequest]


def shown_request(context: Context, row: models.AccessRequest) -> AccessRequest:
    """Map an access request to its GraphQL type."""
    return AccessRequest(
        id=strawberry.ID(encode_id("AccessRequest", row.id)),
        permission=shown_permissions(context.service.catalogue, [row.key])[0],
        reason=row.reason,
        state=row.state,
        requested_at=DateTime(row.created_at),
        requested_from=row.address,
        decided_at=DateTime(row.decided_at) if row.decided_at else None,
        decline_reason=row.decline_reason,
        row=row,
    )


@finds(AccessRequest)
async def find_requests(context: Context, ids: Sequence[UUID]) -> list[AccessRequest | None]:
    """Return the access requests of these ids, None for those that are not the tenant's."""
    rows = await access_requests.find_many(context.principal, ids)
    return [shown_request(context, rows[one]) if one in rows else None for one in ids]


async def list_requests(
    info: Info, state: State = UNSET, first: First = UNSET, after: After = UNSET
) -> AccessRequestConnection:
    """List the tenant's access requests, newest first."""
    request = page_request(REQUESTS, given(first), given(after))
    page = await access_requests.search(info.context.principal, request, given(state))
    return await _shown_page(info, page)


async def requests_of_token(
    info: Info, token_id: UUID, first: First, after: After
) -> AccessRequestConnection:
    """List the access requests of a token, newest first."""
    request = page_request(REQUESTS, given(first), given(after))
    page = await access_requests.of_token(info.context.principal, token_id, request)
    return await _shown_page(info, page)


async def count_open_requests(info: Info) -> int:
    """Count the tenant's open access requests."""
    return await access_requests.count_open(info.context.principal)


async def _shown_page(info: Info, page: Page[models.AccessRequest]) -> AccessRequestConnection:
    shown = [shown_request(info.context, row) for row in page.rows]
    await load_selected(info, shown, "edges", "node")
    return connection(REQUESTS, page, shown)
