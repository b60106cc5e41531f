"""Admins: the type, and the queries that return it."""

import strawberry
from strawberry import UNSET

import models
from models import Role
from server.errors import Unauthenticated
from server.global_ids import encode_id
from server.graphql.basics import (
    After,
    DateTime,
    First,
    Node,
    PageInfo,
    described,
    given,
    page_info,
)
from server.graphql.context import Info
from server.operations import admins
from server.paging import Page, encode_cursor, page_request

CONNECTION = "admins"
described(
    Role,
    "An admin's role in the tenant.",
    OWNER="Has every right. A tenant has exactly one owner.",
    ADMIN="Manages tokens and admins.",
    AUDITOR="Reads everything and changes nothing.",
)


@strawberry.type(description="A person who manages the tenant.")
class Admin(Node):
    email: str = strawberry.field(description="The e-mail address they sign in with.")
    name: str = strawberry.field(description="Their name.")
    role: Role = strawberry.field(description="Their role in the tenant.")
    created_at: DateTime = strawberry.field(description="When they were invited.")
    invitation_pending: bool = strawberry.field(
        description="Whether they have yet to accept their invitation."
    )
    row: strawberry.Private[models.Admin]

    @strawberry.field(description="How many live tokens they created. Removing them revokes these.")
    async def live_token_count(self, info: Info) -> int:
        return await info.context.live_token_counts.load(self.row.id) or 0


def shown_admin(row: models.Admin) -> Admin:
    """Map an admin to its GraphQL type."""
    return Admin(
        id=strawberry.ID(encode_id("Admin", row.id)),
        email=row.email,
        name=row.name,
        role=row.role,
        created_at=DateTime(row.created_at),
        invitation_pending=row.password_hash is None,
        row=row,
    )


@strawberry.type(description="An admin in a list, with a cursor.")
class AdminEdge:
    node: Admin = strawberry.field(description="The admin.")
    cursor: str = strawberry.field(description="The cursor of this place in the list.")


@strawberry.type(description="A page of admins.")
class AdminConnection:
    edges: list[AdminEdge] = strawberry.field(description="The admins of this page.")
    page_info: PageInfo = strawberry.field(description="The page's position in the list.")


def shown_admins(page: Page[models.Admin]) -> AdminConnection:
    """Map a page of admins to its GraphQL type."""
    return AdminConnection(
        edges=[
            AdminEdge(node=shown_admin(row), cursor=encode_cursor(CONNECTION, row.id))
            for row in page.rows
        ],
        page_info=page_info(CONNECTION, page, lambda row: row.id),
    )


async def viewer(info: Info) -> Admin:
    """Return the signed-in admin."""
    row = await info.context.admins.load(info.context.principal.admin_id)
    if row is None:
        raise Unauthenticated(detail="the admin was removed while asking")
    return shown_admin(row)


async def list_admins(info: Info, first: First = UNSET, after: After = UNSET) -> AdminConnection:
    """List the tenant's admins, oldest first."""
    request = page_request(CONNECTION, given(first), given(after))
    return shown_admins(await admins.search(info.context.principal, request))
