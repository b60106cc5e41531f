"""The activity of admins and of the tenant itself: the types of its kinds."""

import strawberry

from models import ActivityKind, Role
from server.graphql.activity_basics import (
    Activity,
    AdminActivity,
    detail,
    instant,
    load_inviters,
    load_new_owners,
    load_previous_owners,
)
from server.graphql.admins import Admin
from server.graphql.basics import DateTime
from server.graphql.loading import loaded
from server.graphql.nodes import Node
from server.graphql.policy_values import TokenPolicyValues, recorded_values


@strawberry.type(description="An admin was invited.")
class AdminInvited(AdminActivity, Node):
    role: Role = detail("role", Role, description="The role they were invited with.")


@strawberry.type(
    description="An admin got another invitation, which invalidates the previous one. An admin "
    "renews an invitation that was not accepted yet; the operator invites an admin who forgot "
    "their password."
)
class AdminInvitationRenewed(AdminActivity, Node):
    invited_by: Admin | None = loaded(
        load_inviters,
        description="The admin who made the previous invitation. Null if none was open, or if the "
        "operator made it.",
    )


@strawberry.type(description="An admin accepted their invitation, which set their password.")
class AdminInvitationAccepted(AdminActivity, Node):
    pass


@strawberry.type(description="An admin's open invitation ended: the admin who made it was removed.")
class AdminInvitationEnded(AdminActivity, Node):
    pass


@strawberry.type(description="An admin got another role.")
class AdminRoleSet(AdminActivity, Node):
    previous_role: Role = detail("previousRole", Role, description="The previous role.")
    role: Role = detail("role", Role, description="The new role.")


@strawberry.type(description="An admin became the owner, and the previous owner an admin.")
class OwnershipTransferred(AdminActivity, Node):
    previous_role: Role = detail("previousRole", Role, description="The new owner's previous role.")
    previous_owner: Admin | None = loaded(load_previous_owners, description="The previous owner.")


@strawberry.type(
    description="An admin was removed. Their tokens, sessions and invitations have"
    " entries of their own."
)
class AdminRemoved(AdminActivity, Node):
    role: Role = detail("role", Role, description="The role they had.")
    revoked_token_count: int = detail(
        "revokedTokenCount", description="How many live tokens were revoked with them."
    )
    # Removals before there were plans have no such number.
    transferred_token_count: int = detail(
        "transferredTokenCount", default=0, description="How many live tokens were transferred."
    )


@strawberry.type(description="The name and the address of a removed admin were erased for good.")
class AdminErased(AdminActivity, Node):
    pass


@strawberry.type(description="An admin signed in.")
class AdminSignedIn(AdminActivity, Node):
    pass


@strawberry.type(
    description="Sign-ins to an admin's account failed. The first, second, fourth, eighth and so "
    "on within an hour are recorded, and at most 60 an hour for a tenant."
)
class AdminSignInFailed(AdminActivity, Node):
    failures: int = detail(
        "failures",
        description="The number of failures so far, in the hour that began with the first one.",
    )


@strawberry.type(description="An admin signed out.")
class AdminSignedOut(AdminActivity, Node):
    pass


@strawberry.type(
    description="An admin's sessions were ended: by a new password, or by their removal."
)
class AdminSessionsEnded(AdminActivity, Node):
    session_count: int = detail("sessions", description="How many sessions were ended.")


@strawberry.type(description="An admin changed their password.")
class AdminPasswordSet(AdminActivity, Node):
    pass


@strawberry.type(description="The tenant was created, with its owner.")
class TenantCreated(Activity, Node):
    owner: Admin | None = loaded(load_new_owners, description="The first owner.")


@strawberry.type(description="The limit that the tenant's tokens share was changed.")
class TenantLimitSet(Activity, Node):
    previous_requests_per_hour: int | None = detail(
        "previousRequestsPerHour", description="The previous limit; null for the default."
    )
    requests_per_hour: int | None = detail(
        "requestsPerHour", description="The new limit; null for the default."
    )


@strawberry.type(description="The tenant got another name. Its slug stays.")
class TenantRenamed(Activity, Node):
    previous_name: str = detail("previousName", description="The previous name.")
    name: str = detail("name", description="The new name.")


@strawberry.type(
    description="The operator suspended the tenant: its tokens are refused, its people cannot sign"
    " in, and neither events nor e-mail are sent, until it is resumed."
)
class TenantSuspended(Activity, Node):
    pass


@strawberry.type(description="The operator resumed the tenant.")
class TenantResumed(Activity, Node):
    suspended_since: DateTime = detail(
        "suspendedSince", instant, description="From when on it was suspended."
    )


@strawberry.type(description="The policy of all tokens was set.")
class TokenPolicySet(Activity, Node):
    previous_policy: TokenPolicyValues = detail(
        "previous", recorded_values, description="The previous values."
    )
    policy: TokenPolicyValues = detail("policy", recorded_values, description="The new values.")
    effective_from: DateTime = detail(
        "effectiveFrom", instant, description="From when it binds tokens that existed then."
    )


ADMIN_TYPES: dict[ActivityKind, type[Activity]] = {
    ActivityKind.ADMIN_INVITED: AdminInvited,
    ActivityKind.INVITATION_RENEWED: AdminInvitationRenewed,
    ActivityKind.INVITATION_ACCEPTED: AdminInvitationAccepted,
    ActivityKind.INVITATION_ENDED: AdminInvitationEnded,
    ActivityKind.ROLE_SET: AdminRoleSet,
    ActivityKind.OWNERSHIP_TRANSFERRED: OwnershipTransferred,
    ActivityKind.ADMIN_REMOVED: AdminRemoved,
    ActivityKind.ADMIN_ERASED: AdminErased,
    ActivityKind.SIGNED_IN: AdminSignedIn,
    ActivityKind.SIGN_IN_FAILED: AdminSignInFailed,
    ActivityKind.SIGNED_OUT: AdminSignedOut,
    ActivityKind.SESSIONS_ENDED: AdminSessionsEnded,
    ActivityKind.PASSWORD_SET: AdminPasswordSet,
    ActivityKind.TENANT_CREATED: TenantCreated,
    ActivityKind.TENANT_LIMIT_SET: TenantLimitSet,
    ActivityKind.TENANT_RENAMED: TenantRenamed,
    ActivityKind.TENANT_SUSPENDED: TenantSuspended,
    ActivityKind.TENANT_RESUMED: TenantResumed,
    ActivityKind.TOKEN_POLICY_SET: TokenPolicySet,
}
