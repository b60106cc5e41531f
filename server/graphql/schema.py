"""The schema: all root fields on one page. What they do lives with their nouns."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from server.graphql.admin_changes import (
    AddAdminResult,
    RemoveAdminResult,
    RenewInvitationResult,
    SetAdminRoleResult,
    TransferOwnershipResult,
    add_admin,
    remove_admin,
    renew_invitation,
    set_admin_role,
    transfer_ownership,
)
from server.graphql.admins import Admin, AdminConnection, list_admins, viewer
from server.graphql.basics import DATE_TIME, DateTime, Node
from server.graphql.nodes import node, nodes
from server.graphql.permissions import PermissionCategory, permission_categories
from server.graphql.problems import HANDLERS
from server.graphql.tenants import Tenant, tenant, tenant_api_url
from server.graphql.token_changes import (
    CreateTokenResult,
    DescribeTokenResult,
    EditPermissionsResult,
    RenameTokenResult,
    RevokeTokenResult,
    SetPermissionsResult,
    create_token,
    describe_token,
    edit_permissions,
    rename_token,
    revoke_token,
    set_permissions,
)
from server.graphql.tokens import (
    ACTIVITY_TYPES,
    Token,
    TokenActivityConnection,
    TokenConnection,
    all_activity,
    find_token,
    list_tokens,
    token_activity,
)


@strawberry.type(description="What a signed-in admin can read.")
class Query:
    viewer: Admin = strawberry.field(resolver=viewer, description="Who is signed in.")
    tenant: Tenant = strawberry.field(
        resolver=tenant, description="The tenant of whoever is signed in."
    )
    tenant_api_url: str | None = strawberry.field(
        resolver=tenant_api_url,
        description="The tenant's API URL; null until its first token, and from then on it stays.",
    )
    tokens: TokenConnection = strawberry.field(
        resolver=list_tokens, description="Live tokens, newest first."
    )
    token: Token | None = strawberry.field(
        resolver=find_token, description="One token; a revoked one too."
    )
    token_activity: TokenActivityConnection | None = strawberry.field(
        resolver=token_activity,
        description="What happened to a token, the latest first; to a revoked one too.",
    )
    activity: TokenActivityConnection = strawberry.field(
        resolver=all_activity,
        description="What happened to any token of the tenant, the latest first.",
    )
    permission_categories: list[PermissionCategory] = strawberry.field(
        resolver=permission_categories,
        description="Everything that a token may be granted, by category.",
    )
    admins: AdminConnection = strawberry.field(
        resolver=list_admins, description="The tenant's admins, the earliest first."
    )
    node: Node | None = strawberry.field(
        resolver=node, description="Any object of the tenant by its global id."
    )
    nodes: list[Node | None] = strawberry.field(
        resolver=nodes,
        description="Several objects in the order of their ids, null where there is none.",
    )


@strawberry.type(description="What a signed-in admin can change: one field in each request.")
class Mutation:
    create_token: CreateTokenResult = strawberry.mutation(
        resolver=create_token,
        description="Make a token. Its secret is in this answer and nowhere else.",
    )
    set_permissions: SetPermissionsResult = strawberry.mutation(
        resolver=set_permissions,
        description="Replace everything that a token may call.",
    )
    edit_permissions: EditPermissionsResult = strawberry.mutation(
        resolver=edit_permissions,
        description="Change some of what a token may call; the rest stays.",
    )
    rename_token: RenameTokenResult = strawberry.mutation(
        resolver=rename_token, description="Give a token another name."
    )
    describe_token: DescribeTokenResult = strawberry.mutation(
        resolver=describe_token, description="Give a token another description."
    )
    revoke_token: RevokeTokenResult = strawberry.mutation(
        resolver=revoke_token, description="End a token, at once and for ever."
    )
    add_admin: AddAdminResult = strawberry.mutation(
        resolver=add_admin, description="Invite somebody to manage the tenant."
    )
    renew_invitation: RenewInvitationResult = strawberry.mutation(
        resolver=renew_invitation,
        description="Make another invitation for somebody who has yet to accept theirs.",
    )
    set_admin_role: SetAdminRoleResult = strawberry.mutation(
        resolver=set_admin_role, description="Give an admin another role."
    )
    transfer_ownership: TransferOwnershipResult = strawberry.mutation(
        resolver=transfer_ownership,
        description="Make another admin the owner; the owner becomes an admin.",
    )
    remove_admin: RemoveAdminResult = strawberry.mutation(
        resolver=remove_admin,
        description="Remove an admin, end their sessions and revoke the tokens they made.",
    )


SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    types=ACTIVITY_TYPES,
    config=StrawberryConfig(scalar_map={DateTime: DATE_TIME}),
    exception_handlers=HANDLERS,
)


def sdl() -> str:
    """The schema in GraphQL's own language."""
    return SCHEMA.as_str() + "\n"
