"""The schema: all root fields in one place. Their resolvers are in one module per noun."""

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from server.graphql.activity import (
    ACTIVITY_TYPES,
    TokenActivityConnection,
    all_activity,
    token_activity,
)
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
from server.graphql.basics import DATE_TIME, DateTime
from server.graphql.bulk_changes import RevokeTokensResult, revoke_tokens
from server.graphql.condition_changes import (
    PauseTokenResult,
    ResumeTokenResult,
    SetTokenExpiryResult,
    SetTokenNetworksResult,
    SetTokenRateLimitResult,
    TransferTokenResult,
    pause_token,
    resume_token,
    set_token_expiry,
    set_token_networks,
    set_token_rate_limit,
    transfer_token,
)
from server.graphql.nodes import Node, ids_count, node, nodes
from server.graphql.permissions import PermissionCategory, category_count, permission_categories
from server.graphql.problems import HANDLERS
from server.graphql.rotation_changes import (
    EndRotationResult,
    RotateTokenResult,
    end_rotation,
    rotate_token,
)
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
from server.graphql.token_list import count_tokens, list_tokens
from server.graphql.tokens import Token, TokenConnection, find_token
from server.graphql.weights import PAGED, counts_as
from server.internals.strawberry import core_schema


@strawberry.type(description="The queries of a signed-in admin.")
class Query:
    viewer: Admin = strawberry.field(resolver=viewer, description="The signed-in admin.")
    tenant: Tenant = strawberry.field(resolver=tenant, description="The signed-in admin's tenant.")
    tenant_api_url: str | None = strawberry.field(
        resolver=tenant_api_url,
        description="The tenant's API URL. Null until the first token is created, then permanent.",
    )
    tokens: TokenConnection = strawberry.field(
        resolver=list_tokens,
        description="The tokens that meet a filter; live ones, newest first, by default.",
        metadata=PAGED,
    )
    token_count: int = strawberry.field(
        resolver=count_tokens,
        description="How many tokens meet a filter, live ones by default: exact up to 10,000, and"
        " 10,001 for more.",
        metadata=counts_as(1_000),
    )
    token: Token | None = strawberry.field(
        resolver=find_token, description="One token, live or revoked."
    )
    token_activity: TokenActivityConnection | None = strawberry.field(
        resolver=token_activity,
        description="The activity of a token, live or revoked, newest first.",
        metadata=PAGED,
    )
    activity: TokenActivityConnection = strawberry.field(
        resolver=all_activity,
        description="The activity of all tokens of the tenant, newest first.",
        metadata=PAGED,
    )
    permission_categories: list[PermissionCategory] = strawberry.field(
        resolver=permission_categories,
        description="All permissions that a token can be granted, by category.",
        metadata=counts_as(lambda _, catalogue: category_count(catalogue)),
    )
    admins: AdminConnection = strawberry.field(
        resolver=list_admins, description="The tenant's admins, oldest first.", metadata=PAGED
    )
    node: Node | None = strawberry.field(
        resolver=node, description="Any object of the tenant by its global id."
    )
    nodes: list[Node | None] = strawberry.field(
        resolver=nodes,
        description="Several objects in the order of `ids`, null for an unknown id.",
        metadata=counts_as(ids_count),
    )


@strawberry.type(description="The mutations of a signed-in admin: one per request.")
class Mutation:
    create_token: CreateTokenResult = strawberry.mutation(
        resolver=create_token,
        description="Create a token. Only this answer contains its secret.",
    )
    set_permissions: SetPermissionsResult = strawberry.mutation(
        resolver=set_permissions,
        description="Replace all permissions of a token.",
    )
    edit_permissions: EditPermissionsResult = strawberry.mutation(
        resolver=edit_permissions,
        description="Grant and withdraw some permissions of a token; the others stay.",
    )
    rename_token: RenameTokenResult = strawberry.mutation(
        resolver=rename_token, description="Change the name of a token."
    )
    describe_token: DescribeTokenResult = strawberry.mutation(
        resolver=describe_token, description="Change the description of a token."
    )
    revoke_token: RevokeTokenResult = strawberry.mutation(
        resolver=revoke_token, description="Revoke a token, immediately and permanently."
    )
    revoke_tokens: RevokeTokensResult = strawberry.mutation(
        resolver=revoke_tokens,
        description="Revoke all tokens that meet a filter, if they are as many as expected.",
    )
    set_token_expiry: SetTokenExpiryResult = strawberry.mutation(
        resolver=set_token_expiry,
        description="Let a token end at an instant, or never. A later one revives it.",
    )
    pause_token: PauseTokenResult = strawberry.mutation(
        resolver=pause_token,
        description="Refuse a token until it is resumed, from this answer on.",
    )
    resume_token: ResumeTokenResult = strawberry.mutation(
        resolver=resume_token,
        description="Accept a paused token again.",
    )
    set_token_networks: SetTokenNetworksResult = strawberry.mutation(
        resolver=set_token_networks,
        description="Accept a token only from some networks.",
    )
    set_token_rate_limit: SetTokenRateLimitResult = strawberry.mutation(
        resolver=set_token_rate_limit,
        description="Give a token a limit of requests an hour of its own.",
    )
    transfer_token: TransferTokenResult = strawberry.mutation(
        resolver=transfer_token,
        description="Give a token to another admin, or to the organisation.",
    )
    rotate_token: RotateTokenResult = strawberry.mutation(
        resolver=rotate_token,
        description="Give a token a new secret. Only this answer contains it. The old one lives on"
        " for a while after the new one is first used.",
    )
    end_rotation: EndRotationResult = strawberry.mutation(
        resolver=end_rotation,
        description="End a rotation at once, with one of its two secrets.",
    )
    add_admin: AddAdminResult = strawberry.mutation(
        resolver=add_admin, description="Invite an admin to the tenant."
    )
    renew_invitation: RenewInvitationResult = strawberry.mutation(
        resolver=renew_invitation,
        description="Replace the invitation of an admin who has not accepted it.",
    )
    set_admin_role: SetAdminRoleResult = strawberry.mutation(
        resolver=set_admin_role, description="Change the role of an admin."
    )
    transfer_ownership: TransferOwnershipResult = strawberry.mutation(
        resolver=transfer_ownership,
        description="Make another admin the owner; the current owner becomes an admin.",
    )
    remove_admin: RemoveAdminResult = strawberry.mutation(
        resolver=remove_admin,
        description="Remove an admin, end their sessions and revoke the tokens they own.",
    )


SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    types=ACTIVITY_TYPES,
    config=StrawberryConfig(scalar_map={DateTime: DATE_TIME}),
    exception_handlers=HANDLERS,
)
# The schema as graphql-core executes it, for the room and its tests.
CORE_SCHEMA: GraphQLSchema = core_schema(SCHEMA)


def sdl() -> str:
    """Return the schema in GraphQL's schema definition language."""
    return SCHEMA.as_str() + "\n"
