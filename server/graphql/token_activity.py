"""The activity of tokens: the types of its kinds."""

from typing import Any

import strawberry

from models import ActivityKind, RevocationReason
from server.graphql.activity_basics import (
    TokenActivity,
    detail,
    instant,
    load_new_owners,
    load_previous_owners,
    permissions_in,
)
from server.graphql.admins import Admin
from server.graphql.basics import DateTime, described
from server.graphql.loading import loaded, of_object, of_row
from server.graphql.nodes import Node
from server.graphql.permissions import Permission, shown_permissions
from server.graphql.rotation import SecretKept
from server.graphql.weights import counts_as

described(
    RevocationReason,
    "Why a token was revoked.",
    REVOKED="An admin revoked it.",
    CREATOR_REMOVED="The admin who owned it was removed.",
    COMPROMISED="Its secret became known to others.",
    SUPERSEDED="Another token took its place.",
    POLICY="The token policy ended it.",
    SELF="Its holder revoked it.",
)


_MAX_INT = 2**31 - 1


def _as_int(count: int) -> int:
    return min(count, _MAX_INT)


def _would_have_denied() -> Any:
    """Declare a field of a trial that ended."""
    description = "How many requests it would have denied while it ran."
    return detail("wouldHaveDenied", _as_int, description=description)


def _needed() -> Any:
    """Declare the field that goes with `_would_have_denied`."""
    description = "The permissions of those requests."
    return permissions_in("needed", description=description, metadata=counts_as(5))


def _permission(activity: TokenActivity) -> Permission:
    [permission] = shown_permissions(activity.catalogue, [activity.row.details["permission"]])
    return permission


@strawberry.type(description="A token was created.")
class TokenCreated(TokenActivity, Node):
    followed: list[str] = detail(
        "followed",
        default=(),
        description="The categories that it has followed since its creation. Empty if an earlier "
        "version of Tessera created it.",
        metadata=counts_as(2),
    )
    recipe: str | None = detail(
        "recipe",
        default=None,
        description="The short name of the recipe that it was made from. Null for none, and if an "
        "earlier version of Tessera created it.",
    )


@strawberry.type(description="A token's name was changed.")
class TokenNameChanged(TokenActivity, Node):
    previous_name: str = detail("previousName", description="The previous name.")
    name: str = detail("name", description="The new name.")


@strawberry.type(description="A token's description was changed.")
class TokenDescriptionChanged(TokenActivity, Node):
    previous_description: str = detail(
        "previousDescription", description="The previous description."
    )
    description: str = detail("description", description="The new description.")


@strawberry.type(description="A token's permissions were changed.")
class TokenPermissionsEdited(TokenActivity, Node):
    granted: list[Permission] = permissions_in(
        "granted", description="The permissions added.", metadata=counts_as(20)
    )
    withdrawn: list[Permission] = permissions_in(
        "withdrawn", description="The permissions removed.", metadata=counts_as(20)
    )
    followed: list[str] = detail(
        "followed",
        default=(),
        description="The categories that it began to follow.",
        metadata=counts_as(2),
    )
    unfollowed: list[str] = detail(
        "unfollowed",
        default=(),
        description="The categories that it stopped following.",
        metadata=counts_as(2),
    )
    recipe: str | None = detail(
        "recipe",
        default=None,
        description="The short name of the recipe that was applied; null for none.",
    )


@strawberry.type(
    description="A token was granted the permissions that a version of the API document added to "
    "a category that it follows."
)
class TokenPermissionsGrew(TokenActivity, Node):
    granted: list[Permission] = permissions_in(
        "granted", description="The permissions added.", metadata=counts_as(5)
    )
    categories: list[str] = detail(
        "categories", description="The categories of these permissions.", metadata=counts_as(2)
    )


@strawberry.type(description="A token's expiry was changed.")
class TokenExpirySet(TokenActivity, Node):
    previous_expires_at: DateTime | None = detail(
        "previousExpiresAt", instant, description="The previous expiry; null for none."
    )
    expires_at: DateTime | None = detail(
        "expiresAt", instant, description="The new expiry; null for none."
    )
    is_by_policy: bool = detail(
        "byPolicy",
        default=False,
        description="Whether it follows from the token policy, which the actor set.",
    )


@strawberry.type(description="A token was paused.")
class TokenPaused(TokenActivity, Node):
    is_by_policy: bool = detail(
        "byPolicy",
        default=False,
        description="Whether the system paused it because it was not used.",
    )


@strawberry.type(description="A paused token was resumed.")
class TokenResumed(TokenActivity, Node):
    pass


@strawberry.type(description="The networks that a token may be used from were changed.")
class TokenNetworksSet(TokenActivity, Node):
    previous_networks: list[str] = detail(
        "previousNetworks",
        description="The previous networks; empty for anywhere.",
        metadata=counts_as(5),
    )
    networks: list[str] = detail(
        "networks", description="The new networks; empty for anywhere.", metadata=counts_as(5)
    )


@strawberry.type(description="A token's own rate limit was changed.")
class TokenRateLimitSet(TokenActivity, Node):
    previous_requests_per_hour: int | None = detail(
        "previousRequestsPerHour", description="The previous limit; null for none."
    )
    requests_per_hour: int | None = detail(
        "requestsPerHour", description="The new limit; null for none."
    )


@strawberry.type(description="A token got another owner.")
class TokenTransferred(TokenActivity, Node):
    previous_owner: Admin | None = loaded(
        load_previous_owners,
        description="The previous owner; null for the organisation.",
    )
    owner: Admin | None = loaded(
        load_new_owners,
        description="The new owner; null for the organisation.",
    )
    was_owned_by_organisation: bool = of_row(
        lambda row: row.details["previousOwner"] is None,
        description="Whether the organisation was the previous owner.",
    )
    is_owned_by_organisation: bool = of_row(
        lambda row: row.details["owner"] is None,
        description="Whether the organisation is the new owner.",
    )


@strawberry.type(description="A token got a new secret.")
class TokenRotationStarted(TokenActivity, Node):
    compromised: bool = detail(
        "compromised", description="Whether every other secret ended at once, instead of later."
    )
    latest_by: DateTime | None = detail(
        "latestBy",
        instant,
        description="The instant at which the old secret was to end in any case; null for none.",
    )
    drain_seconds: int = detail(
        "drainSeconds",
        description="For how many seconds the old secret was to work after the first use of the "
        "new one.",
    )


@strawberry.type(description="The new secret of a token was first used, by its holder.")
class TokenRotationPickedUp(TokenActivity, Node):
    address: str = detail(
        "address", description="The address it was used from, as reported by the gateway."
    )


@strawberry.type(description="A rotation of a token was ended.")
class TokenRotationEnded(TokenActivity, Node):
    kept: SecretKept = detail(
        "keep", SecretKept, description="The secret that was kept. The other one ended at once."
    )
    is_by_clock: bool = detail(
        "byClock",
        default=False,
        description="Whether the old secret ended at its time, without an admin.",
    )


@strawberry.type(
    description="The holder of a token was allowed to rotate it, or no longer allowed to."
)
class TokenHolderMayRotateSet(TokenActivity, Node):
    holder_may_rotate: bool = detail(
        "holderMayRotate", description="Whether its holder may rotate it."
    )


@strawberry.type(description="A trial of fewer permissions of a token was started.")
class TokenTrialStarted(TokenActivity, Node):
    withheld: list[Permission] = permissions_in(
        "withheld", description="The permissions that it left out.", metadata=counts_as(20)
    )
    until: DateTime = detail(
        "until", instant, description="The instant at which it was to be dropped automatically."
    )


@strawberry.type(description="The trial of a token was enforced.")
class TokenTrialEnforced(TokenActivity, Node):
    withdrawn: list[Permission] = permissions_in(
        "withdrawn", description="The permissions removed.", metadata=counts_as(20)
    )
    would_have_denied: int = _would_have_denied()
    needed: list[Permission] = _needed()


@strawberry.type(description="The trial of a token was dropped: its permissions stayed.")
class TokenTrialDropped(TokenActivity, Node):
    would_have_denied: int = _would_have_denied()
    needed: list[Permission] = _needed()
    is_by_clock: bool = detail(
        "byClock", default=False, description="Whether it was dropped at its end, without an admin."
    )


@strawberry.type(description="The holder of a token asked for a permission.")
class TokenAccessRequested(TokenActivity, Node):
    permission: Permission = of_object(
        _permission, description="The permission that was asked for."
    )
    request_reason: str = detail("reason", description="The holder's reason.")


@strawberry.type(
    description="A holder's request was granted: the token got the permission, see"
    " `TokenPermissionsEdited`."
)
class TokenAccessGranted(TokenActivity, Node):
    permission: Permission = of_object(_permission, description="The permission that was granted.")


@strawberry.type(description="A holder's request was declined.")
class TokenAccessDeclined(TokenActivity, Node):
    permission: Permission = of_object(
        _permission, description="The permission that was asked for."
    )
    decline_reason: str = detail(
        "reason", description="The admin's reason, which the holder reads."
    )


@strawberry.type(description="A token was revoked.")
class TokenRevoked(TokenActivity, Node):
    reason: RevocationReason = detail("reason", RevocationReason, description="Why it was revoked.")
    found_at: str | None = detail(
        "foundAt",
        default=None,
        description="The URL where its secret was found; null unless a report of a leak names one.",
    )


TOKEN_TYPES: dict[ActivityKind, type[TokenActivity]] = {
    ActivityKind.CREATED: TokenCreated,
    ActivityKind.NAME_CHANGED: TokenNameChanged,
    ActivityKind.DESCRIPTION_CHANGED: TokenDescriptionChanged,
    ActivityKind.PERMISSIONS_EDITED: TokenPermissionsEdited,
    ActivityKind.PERMISSIONS_GREW: TokenPermissionsGrew,
    ActivityKind.EXPIRY_SET: TokenExpirySet,
    ActivityKind.PAUSED: TokenPaused,
    ActivityKind.RESUMED: TokenResumed,
    ActivityKind.NETWORKS_SET: TokenNetworksSet,
    ActivityKind.RATE_LIMIT_SET: TokenRateLimitSet,
    ActivityKind.TRANSFERRED: TokenTransferred,
    ActivityKind.ROTATION_STARTED: TokenRotationStarted,
    ActivityKind.ROTATION_PICKED_UP: TokenRotationPickedUp,
    ActivityKind.ROTATION_ENDED: TokenRotationEnded,
    ActivityKind.HOLDER_MAY_ROTATE_SET: TokenHolderMayRotateSet,
    ActivityKind.TRIAL_STARTED: TokenTrialStarted,
    ActivityKind.TRIAL_ENFORCED: TokenTrialEnforced,
    ActivityKind.TRIAL_DROPPED: TokenTrialDropped,
    ActivityKind.ACCESS_REQUESTED: TokenAccessRequested,
    ActivityKind.ACCESS_GRANTED: TokenAccessGranted,
    ActivityKind.ACCESS_DECLINED: TokenAccessDeclined,
    ActivityKind.REVOKED: TokenRevoked,
}
