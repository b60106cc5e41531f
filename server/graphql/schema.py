"""The schema: all root fields in one place. Their resolvers are in one module per noun."""

from functools import cache

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter

from server.graphql.access_changes import (
    DeclineAccessRequestResult,
    GrantAccessRequestResult,
    decline_access_request,
    grant_access_request,
)
from server.graphql.access_requests import (
    AccessRequestConnection,
    count_open_requests,
    list_requests,
)
from server.graphql.activity import (
    ACTIVITY_TYPES,
    ActivityConnection,
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
from server.graphql.catalogue_changes import (
    DismissCatalogueNoticeResult,
    dismiss_catalogue_notice,
)
from server.graphql.catalogue_versions import (
    CatalogueVersion,
    CatalogueVersionConnection,
    list_notices,
    list_versions,
)
from server.graphql.condition_changes import (
    PauseTokenResult,
    ResumeTokenResult,
    SetHolderMayRotateResult,
    SetTokenExpiryResult,
    SetTokenNetworksResult,
    SetTokenRateLimitResult,
    TransferTokenResult,
    pause_token,
    resume_token,
    set_holder_may_rotate,
    set_token_expiry,
    set_token_networks,
    set_token_rate_limit,
    transfer_token,
)
from server.graphql.conversions import convert_directly
from server.graphql.explain import Explanation, explain
from server.graphql.loading import of_context
from server.graphql.nodes import Node, ids_count, node, nodes
from server.graphql.permissions import (
    PermissionCategory,
    categories_asked,
    permission_categories,
)
from server.graphql.policies import (
    SetTokenPolicyResult,
    TokenPolicyPreviewResult,
    set_token_policy,
    token_policy_preview,
)
from server.graphql.problems import HANDLERS
from server.graphql.recipes import Recipe, list_recipes
from server.graphql.reminders import TokenReminders, token_reminders
from server.graphql.removal import PLAN_COSTS, RemovalPlan, removal_plan
from server.graphql.right_size import WEIGHT, RightSize, preview_permissions
from server.graphql.rotation_changes import (
    EndRotationResult,
    RotateTokenResult,
    end_rotation,
    rotate_token,
)
from server.graphql.sessions import (
    EndOtherSessionsResult,
    Session,
    end_other_sessions,
    own_sessions,
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
from server.graphql.tracing import trace_root_fields
from server.graphql.trial_changes import (
    DropTrialResult,
    EnforceTrialResult,
    StartTrialResult,
    drop_trial,
    enforce_trial,
    start_trial,
)
from server.graphql.webhook_changes import (
    CreateWebhookResult,
    RemoveWebhookResult,
    ReplayWebhookResult,
    SetWebhookResult,
    TestWebhookResult,
    create_webhook,
    remove_webhook,
    replay_webhook,
    set_webhook,
    test_webhook,
)
from server.graphql.webhooks import Webhook, list_webhooks
from server.graphql.weights import PAGED, costs, counts_as
from server.internals.strawberry import core_schema


@strawberry.type(description="The queries of a signed-in admin.")
class Query:
    viewer: Admin = of_context(viewer, description="The signed-in admin.")
    tenant: Tenant = of_context(tenant, description="The signed-in admin's tenant.")
    tenant_api_url: str | None = of_context(
        tenant_api_url,
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
    token_reminders: TokenReminders = strawberry.field(
        resolver=token_reminders, description="The tokens that need care, beside those that end."
    )
    token: Token | None = strawberry.field(
        resolver=find_token, description="One token, live or revoked."
    )
    token_activity: ActivityConnection | None = strawberry.field(
        resolver=token_activity,
        description="The activity of a token, live or revoked, newest first.",
        metadata=PAGED,
    )
    activity: ActivityConnection = strawberry.field(
        resolver=all_activity,
        description="The activity of the tenant, newest first: every change and every sign-in."
        " `last` and `before` a cursor go on to what happened after it, and miss nothing.",
        metadata=PAGED,
    )
    token_policy_preview: TokenPolicyPreviewResult = strawberry.field(
        resolver=token_policy_preview,
        description="The effect of a token policy on the tokens that exist, before it is set. For"
        " the owner.",
        metadata=costs(1_000),
    )
    explain: Explanation | None = strawberry.field(
        resolver=explain,
        description="What `/authorize` would answer to a request with a token now, and why, step by"
        " step. Counts nothing. Null for an unknown token.",
        metadata=costs(1_000),
    )
    preview_permissions: RightSize | None = strawberry.field(
        resolver=preview_permissions,
        description="What a set of permissions would have denied a token, before it is saved. Null"
        " for an unknown token.",
        metadata=costs(WEIGHT),
    )
    permission_categories: list[PermissionCategory] = strawberry.field(
        resolver=permission_categories,
        description="All permissions that a token can be granted, by category.",
        metadata=counts_as(categories_asked),
    )
    catalogue_versions: CatalogueVersionConnection = strawberry.field(
        resolver=list_versions,
        description="The versions of the API document, newest first.",
        metadata=PAGED,
    )
    catalogue_notices: list[CatalogueVersion] = strawberry.field(
        resolver=list_notices,
        description="The versions that the tenant was told of and no admin has dismissed, newest"
        " first: at most 10.",
        metadata=counts_as(2),
    )
    recipes: list[Recipe] = strawberry.field(
        resolver=list_recipes,
        description="The recipes that the operator offers, by name: at most 200.",
        metadata=counts_as(10),
    )
    admins: AdminConnection = strawberry.field(
        resolver=list_admins, description="The tenant's admins, oldest first.", metadata=PAGED
    )
    access_requests: AccessRequestConnection = strawberry.field(
        resolver=list_requests,
        description="The access requests of the tenant's token holders, newest first.",
        metadata=PAGED,
    )
    open_access_request_count: int = strawberry.field(
        resolver=count_open_requests,
        description="How many access requests are open: exact up to 99, and 100 for more.",
        metadata=costs(5),
    )
    removal_plan: RemovalPlan | None = strawberry.field(
        resolver=removal_plan,
        description="The live tokens of an admin, and what stops if these are revoked with the"
        " admin's removal. Null for an admin who is not there.",
        metadata=PLAN_COSTS,
    )
    sessions: list[Session] = strawberry.field(
        resolver=own_sessions,
        description="The signed-in admin's own sessions that have not ended, latest first: 100 at"
        " most.",
        metadata=counts_as(3),
    )
    webhooks: list[Webhook] = strawberry.field(
        resolver=list_webhooks,
        description="The tenant's webhooks, oldest first: at most 20.",
        metadata=counts_as(5),
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
    grant_access_request: GrantAccessRequestResult = strawberry.mutation(
        resolver=grant_access_request,
        description="Give a token the permission that its holder asks for.",
    )
    decline_access_request: DeclineAccessRequestResult = strawberry.mutation(
        resolver=decline_access_request,
        description="Decline the request of a token's holder, with a reason that the holder reads.",
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
    set_holder_may_rotate: SetHolderMayRotateResult = strawberry.mutation(
        resolver=set_holder_may_rotate,
        description="Let the holder of a token rotate it, or not any more.",
    )
    set_token_policy: SetTokenPolicyResult = strawberry.mutation(
        resolver=set_token_policy,
        description="Set how long the tenant's tokens may live and from where they may be used. For"
        " the owner.",
    )
    dismiss_catalogue_notice: DismissCatalogueNoticeResult = strawberry.mutation(
        resolver=dismiss_catalogue_notice,
        description="Show the notice of a version to the tenant's admins no more.",
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
    start_trial: StartTrialResult = strawberry.mutation(
        resolver=start_trial,
        description="Try whether a token does with fewer permissions. The requests that they would"
        " have denied are counted, and pass.",
    )
    enforce_trial: EnforceTrialResult = strawberry.mutation(
        resolver=enforce_trial,
        description="Withdraw the permissions that a token's trial withholds, and end the trial.",
    )
    drop_trial: DropTrialResult = strawberry.mutation(
        resolver=drop_trial,
        description="End a token's trial. The token keeps its permissions.",
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
        description="Remove an admin, revoke or transfer the tokens they own, and end their"
        " sessions and the open invitations that they made. Their name stays, for the activity.",
    )
    create_webhook: CreateWebhookResult = strawberry.mutation(
        resolver=create_webhook,
        description="Have events sent to an address. Only this answer contains the secret.",
    )
    set_webhook: SetWebhookResult = strawberry.mutation(
        resolver=set_webhook,
        description="Change address, events or state of a webhook.",
    )
    test_webhook: TestWebhookResult = strawberry.mutation(
        resolver=test_webhook,
        description="Send a `webhook.test` event after the events that wait, and try these now.",
    )
    replay_webhook: ReplayWebhookResult = strawberry.mutation(
        resolver=replay_webhook,
        description="Send the events since an instant once more, with the same ids.",
    )
    remove_webhook: RemoveWebhookResult = strawberry.mutation(
        resolver=remove_webhook, description="Remove a webhook: nothing more is sent there."
    )
    end_other_sessions: EndOtherSessionsResult = strawberry.mutation(
        resolver=end_other_sessions,
        description="End every session of the signed-in admin but the one that asks.",
    )


class _Names(NameConverter):
    """Strawberry's names, each made once: it asks again with the arguments of each request."""

    def __init__(self) -> None:
        super().__init__()
        self._made = cache(super().apply_naming_config)

    def apply_naming_config(self, name: str) -> str:
        """The name in the schema of a name in Python."""
        return self._made(name)


SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    types=ACTIVITY_TYPES,
    config=StrawberryConfig(scalar_map={DateTime: DATE_TIME}, name_converter=_Names()),
    exception_handlers=HANDLERS,
)
# The schema as graphql-core executes it, for the room and its tests.
CORE_SCHEMA: GraphQLSchema = core_schema(SCHEMA)
trace_root_fields(CORE_SCHEMA)
convert_directly(CORE_SCHEMA)


def sdl() -> str:
    """Return the schema in GraphQL's schema definition language."""
    return SCHEMA.as_str() + "\n"
