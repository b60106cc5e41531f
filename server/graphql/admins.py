"""Admins: the type, and the queries that return it."""

from collections.abc import Sequence
from dataclasses import field
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import UNSET

import models
from models import AdminState, Role
from server.access.reading import beside
from server.global_ids import encode_id
from server.graphql.basics import DateTime, described, given
from server.graphql.connection import After, Connection, First, connection
from server.graphql.context import Context, Info
from server.graphql.loading import load_selected, loaded, of_row
from server.graphql.nodes import NODE_ID, Node, finds
from server.operations import admins
from server.paging import page_request

CONNECTION = "admins"
# The fields that follow from the columns of an admin in brief (`columns_beside`).
ADMIN_IN_BRIEF = ("id", "name", "email")
described(
    Role,
    "An admin's role in the tenant.",
    OWNER="Has every right. A tenant has exactly one owner.",
    ADMIN="Manages tokens and admins.",
    AUDITOR="Reads everything and changes nothing.",
)


described(
    AdminState,
    "The state of an admin.",
    ACTIVE="They have set a password.",
    INVITED="They have yet to accept an invitation.",
    REMOVED="They were removed, and stand in the activity alone.",
)
IncludeRemoved = Annotated[
    bool | None, strawberry.argument(description="Whether to list removed admins too.")
]


async def _live_token_counts(context: Context, rows: Sequence[models.Admin]) -> list[int]:
    counts = await admins.count_live_tokens(context.principal, [row.id for row in rows])
    return [counts.get(row.id, 0) for row in rows]


@strawberry.type(description="A person who manages the tenant.")
class Admin(Node):
    id: strawberry.ID = of_row(lambda row: encode_id("Admin", row.id), description=NODE_ID)
    email: str = of_row(
        "address",
        description="The e-mail address they sign in with, or did; `erased` for one whose address"
        " was erased.",
    )
    name: str = of_row("name", description="Their name; `erased` for one whose name was erased.")
    role: Role = of_row("role", description="Their role in the tenant, or their last one.")
    state: AdminState = of_row("state", description="Their state.")
    removed_at: DateTime | None = of_row(
        "removed_at", description="When they were removed; null for those who are there."
    )
    created_at: DateTime = of_row("created_at", description="When they were invited.")
    invitation_pending: bool = of_row(
        lambda row: row.state is AdminState.INVITED,
        description="Whether they have yet to accept their invitation.",
    )
    live_token_count: int = loaded(
        _live_token_counts,
        description="How many live tokens they own. Removing them revokes these.",
    )
    row: strawberry.Private[models.Admin]
    loaded_values: strawberry.Private[dict[str, Any]] = field(default_factory=dict)


def shown_admin(row: models.Admin) -> Admin:
    """Map an admin to its GraphQL type."""
    return Admin(row=row)


def admins_beside(rows: Sequence[models.Row], name: str) -> list[Admin | None]:
    """Return the admin that was read beside each row; None where there is none."""
    found = [beside(row, name) for row in rows]
    # Rows that have the same admin beside them have one row of it.
    shown = {id(row): shown_admin(row) for row in {id(one): one for one in found if one}.values()}
    return [shown[id(row)] if row else None for row in found]


AdminConnection = Connection[Admin]


@finds(Admin)
async def find_admins(context: Context, ids: Sequence[UUID]) -> list[Admin | None]:
    """Return the admins of these ids, None for those that are not the tenant's."""
    rows = await admins.find_many(context.principal, ids)
    return [shown_admin(rows[admin_id]) if admin_id in rows else None for admin_id in ids]


def viewer(context: Context) -> Admin:
    """Return the signed-in admin."""
    return shown_admin(admins.own(context.principal))


async def list_admins(
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    include_removed: IncludeRemoved = False,
) -> AdminConnection:
    """List the tenant's admins, oldest first."""
    request = page_request(CONNECTION, given(first), given(after))
    page = await admins.search(
        info.context.principal, request, include_removed=bool(include_removed)
    )
    shown = [shown_admin(row) for row in page.rows]
    await load_selected(info, shown, "edges", "node")
    return connection(CONNECTION, page, shown)
