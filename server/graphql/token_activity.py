"""The activity of tokens: the types of its kinds."""

from typing import Any

import strawberry

import models
from models import ActivityKind, RevocationReason
from server.catalogue import Catalogue
from server.graphql.activity_basics import (
    TokenActivity,
    instant,
    load_new_owners,
    load_previous_owners,
)
from server.graphql.admins import Admin
from server.graphql.basics import DateTime, described
from server.graphql.context import Context
from server.graphql.loading import loaded
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


@strawberry.type(description="A token was created.")
class TokenCreated(TokenActivity, Node):
    followed: list[str] = strawberry.field(
        description="The categories that it has followed since its creation. Empty if an earlier "
        "version of Tessera created it.",
        metadata=counts_as(2),
    )
    recipe: str | None = strawberry.field(
        description="The short name of the recipe that it was made from. Null for none, and if an "
        "earlier version of Tessera created it."
    )


@strawberry.type(description="A token's name was changed.")
class TokenNameChanged(TokenActivity, Node):
    previous_name: str = strawberry.field(description="The previous name.")
    name: str = strawberry.field(description="The new name.")


@strawberry.type(description="A token's description was changed.")
class TokenDescriptionChanged(TokenActivity, Node):
    previous_description: str = strawberry.field(description="The previous description.")
    description: str = strawberry.field(description="The new description.")


@strawberry.type(description="A token's permissions were changed.")
class TokenPermissionsEdited(TokenActivity, Node):
    granted: list[Permission] = strawberry.field(
        description="The permissions added.", metadata=counts_as(20)
    )
    withdrawn: list[Permission] = strawberry.field(
        description="The permissions removed.", metadata=counts_as(20)
    )
    followed: list[str] = strawberry.field(
        description="The categories that it began to follow.", metadata=counts_as(2)
    )
    unfollowed: list[str] = strawberry.field(
        description="The categories that it stopped following.", metadata=counts_as(2)
    )
    recipe: str | None = strawberry.field(
        description="The short name of the recipe that was applied; null for none."
    )


@strawberry.type(
    description="A token was granted the permissions that a version of the API document added to "
    "a category that it follows."
)
class TokenPermissionsGrew(TokenActivity, Node):
    granted: list[Permission] = strawberry.field(
        description="The permissions added.", metadata=counts_as(5)
    )
    categories: list[str] = strawberry.field(
        description="The categories of these permissions.", metadata=counts_as(2)
    )


@strawberry.type(description="A token's expiry was changed.")
class TokenExpirySet(TokenActivity, Node):
    previous_expires_at: DateTime | None = strawberry.field(
        description="The previous expiry; null for none."
    )
    expires_at: DateTime | None = strawberry.field(description="The new expiry; null for none.")
    is_by_policy: bool = strawberry.field(
        description="Whether it follows from the token policy, which the actor set."
    )


@strawberry.type(description="A token was paused.")
class TokenPaused(TokenActivity, Node):
    is_by_policy: bool = strawberry.field(
        description="Whether the system paused it because it was not used."
    )


@strawberry.type(description="A paused token was resumed.")
class TokenResumed(TokenActivity, Node):
    pass


@strawberry.type(description="The networks that a token may be used from were changed.")
class TokenNetworksSet(TokenActivity, Node):
    previous_networks: list[str] = strawberry.field(
        description="The previous networks; empty for anywhere.", metadata=counts_as(5)
    )
    networks: list[str] = strawberry.field(
        description="The new networks; empty for anywhere.", metadata=counts_as(5)
    )


@strawberry.type(description="A token's own rate limit was changed.")
class TokenRateLimitSet(TokenActivity, Node):
    previous_requests_per_hour: int | None = strawberry.field(
        description="The previous limit; null for none."
    )
    requests_per_hour: int | None = strawberry.field(description="The new limit; null for none.")


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
    was_owned_by_organisation: bool = strawberry.field(
        description="Whether the organisation was the previous owner."
    )
    is_owned_by_organisation: bool = strawberry.field(
        description="Whether the organisation is the new owner."
    )


@strawberry.type(description="A token got a new secret.")
class TokenRotationStarted(TokenActivity, Node):
    compromised: bool = strawberry.field(
        description="Whether every other secret ended at once, instead of later."
    )
    latest_by: DateTime | None = strawberry.field(
        description="The instant at which the old secret was to end in any case; null for none."
    )
    drain_seconds: int = strawberry.field(
        description="For how many seconds the old secret was to work after the first use of the "
        "new one."
    )


@strawberry.type(description="The new secret of a token was first used, by its holder.")
class TokenRotationPickedUp(TokenActivity, Node):
    address: str = strawberry.field(
        description="The address it was used from, as reported by the gateway."
    )


@strawberry.type(description="A rotation of a token was ended.")
class TokenRotationEnded(TokenActivity, Node):
    kept: SecretKept = strawberry.field(
        description="The secret that was kept. The other one ended at once."
    )
    is_by_clock: bool = strawberry.field(
        description="Whether the old secret ended at its time, without an admin."
    )


@strawberry.type(
    description="The holder of a token was allowed to rotate it, or no longer allowed to."
)
class TokenHolderMayRotateSet(TokenActivity, Node):
    holder_may_rotate: bool = strawberry.field(description="Whether its holder may rotate it.")


@strawberry.type(description="A trial of fewer permissions of a token was started.")
class TokenTrialStarted(TokenActivity, Node):
    withheld: list[Permission] = strawberry.field(
        description="The permissions that it left out.", metadata=counts_as(20)
    )
    until: DateTime = strawberry.field(
        description="The instant at which it was to be dropped automatically."
    )


@strawberry.type(description="The trial of a token was enforced.")
class TokenTrialEnforced(TokenActivity, Node):
    withdrawn: list[Permission] = strawberry.field(
        description="The permissions removed.", metadata=counts_as(20)
    )
    would_have_denied: int = strawberry.field(
        description="How many requests it would have denied while it ran."
    )
    needed: list[Permission] = strawberry.field(
        description="The permissions of those requests.", metadata=counts_as(5)
    )


@strawberry.type(description="The trial of a token was dropped: its permissions stayed.")
class TokenTrialDropped(TokenActivity, Node):
    would_have_denied: int = strawberry.field(
        description="How many requests it would have denied while it ran."
    )
    needed: list[Permission] = strawberry.field(
        description="The permissions of those requests.", metadata=counts_as(5)
    )
    is_by_clock: bool = strawberry.field(
        description="Whether it was dropped at its end, without an admin."
    )


@strawberry.type(description="The holder of a token asked for a permission.")
class TokenAccessRequested(TokenActivity, Node):
    permission: Permission = strawberry.field(description="The permission that was asked for.")
    request_reason: str = strawberry.field(description="The holder's reason.")


@strawberry.type(
    description="A holder's request was granted: the token got the permission, see"
    " `TokenPermissionsEdited`."
)
class TokenAccessGranted(TokenActivity, Node):
    permission: Permission = strawberry.field(description="The permission that was granted.")


@strawberry.type(description="A holder's request was declined.")
class TokenAccessDeclined(TokenActivity, Node):
    permission: Permission = strawberry.field(description="The permission that was asked for.")
    decline_reason: str = strawberry.field(
        description="The admin's reason, which the holder reads."
    )


@strawberry.type(description="A token was revoked.")
class TokenRevoked(TokenActivity, Node):
    reason: RevocationReason = strawberry.field(description="Why it was revoked.")
    found_at: str | None = strawberry.field(
        description="The URL where its secret was found; null unless a report of a leak names one."
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
_TRIALS = {ActivityKind.TRIAL_STARTED, ActivityKind.TRIAL_ENFORCED, ActivityKind.TRIAL_DROPPED}
_MAX_INT = 2**31 - 1


# Each with the field that tells why.
_ABOUT_ACCESS = {
    ActivityKind.ACCESS_REQUESTED: "request_reason",
    ActivityKind.ACCESS_GRANTED: "",
    ActivityKind.ACCESS_DECLINED: "decline_reason",
}


def details_of_token(context: Context, row: models.Activity) -> dict[str, Any]:
    """Return the values of the fields that the type of the row's kind adds."""
    details = row.details
    if row.kind is ActivityKind.CREATED:
        return {"followed": details.get("followed", []), "recipe": details.get("recipe")}
    if row.kind is ActivityKind.NAME_CHANGED:
        return {"previous_name": details["previousName"], "name": details["name"]}
    if row.kind is ActivityKind.DESCRIPTION_CHANGED:
        return {
            "previous_description": details["previousDescription"],
            "description": details["description"],
        }
    if row.kind in (ActivityKind.PERMISSIONS_EDITED, ActivityKind.PERMISSIONS_GREW):
        return _details_of_permissions(context.service.catalogue, row)
    if row.kind in _TRIALS:
        return _details_of_trial(context, row)
    if row.kind in _ABOUT_ACCESS:
        return _details_of_access(context, row)
    return _details_of_condition(row) or _details_of_rotation(row)


def _details_of_condition(row: models.Activity) -> dict[str, Any] | None:
    """Of a change of owner or conditions, and of an end; None for other kinds."""
    details = row.details
    if row.kind is ActivityKind.EXPIRY_SET:
        return {
            "previous_expires_at": instant(details["previousExpiresAt"]),
            "expires_at": instant(details["expiresAt"]),
            "is_by_policy": details.get("byPolicy", False),
        }
    if row.kind is ActivityKind.PAUSED:
        return {"is_by_policy": details.get("byPolicy", False)}
    if row.kind is ActivityKind.NETWORKS_SET:
        return {"previous_networks": details["previousNetworks"], "networks": details["networks"]}
    if row.kind is ActivityKind.RATE_LIMIT_SET:
        return {
            "previous_requests_per_hour": details["previousRequestsPerHour"],
            "requests_per_hour": details["requestsPerHour"],
        }
    if row.kind is ActivityKind.TRANSFERRED:
        return {
            "was_owned_by_organisation": details["previousOwner"] is None,
            "is_owned_by_organisation": details["owner"] is None,
        }
    if row.kind is ActivityKind.REVOKED:
        return {
            "reason": RevocationReason(details["reason"]),
            "found_at": details.get("foundAt"),
        }
    return None


def _details_of_access(context: Context, row: models.Activity) -> dict[str, Any]:
    [permission] = shown_permissions(context.service.catalogue, [row.details["permission"]])
    reason = _ABOUT_ACCESS[row.kind]
    return {"permission": permission} | ({reason: row.details["reason"]} if reason else {})


def _details_of_trial(context: Context, row: models.Activity) -> dict[str, Any]:
    details, catalogue = row.details, context.service.catalogue
    if row.kind is ActivityKind.TRIAL_STARTED:
        return {
            "withheld": shown_permissions(catalogue, details["withheld"]),
            "until": instant(details["until"]),
        }
    found = {
        "would_have_denied": min(details["wouldHaveDenied"], _MAX_INT),
        "needed": shown_permissions(catalogue, details["needed"]),
    }
    if row.kind is ActivityKind.TRIAL_ENFORCED:
        return found | {"withdrawn": shown_permissions(catalogue, details["withdrawn"])}
    return found | {"is_by_clock": details.get("byClock", False)}


def _details_of_permissions(catalogue: Catalogue, row: models.Activity) -> dict[str, Any]:
    details = row.details
    granted = {"granted": shown_permissions(catalogue, details["granted"])}
    if row.kind is ActivityKind.PERMISSIONS_GREW:
        return granted | {"categories": details["categories"]}
    return granted | {
        "withdrawn": shown_permissions(catalogue, details["withdrawn"]),
        "followed": details.get("followed", []),
        "unfollowed": details.get("unfollowed", []),
        "recipe": details.get("recipe"),
    }


def _details_of_rotation(row: models.Activity) -> dict[str, Any]:
    details = row.details
    if row.kind is ActivityKind.ROTATION_STARTED:
        return {
            "compromised": details["compromised"],
            "latest_by": instant(details["latestBy"]),
            "drain_seconds": details["drainSeconds"],
        }
    if row.kind is ActivityKind.ROTATION_PICKED_UP:
        return {"address": details["address"]}
    if row.kind is ActivityKind.ROTATION_ENDED:
        return {
            "kept": SecretKept(details["keep"]),
            "is_by_clock": details.get("byClock", False),
        }
    if row.kind is ActivityKind.HOLDER_MAY_ROTATE_SET:
        return {"holder_may_rotate": details["holderMayRotate"]}
    return {}
