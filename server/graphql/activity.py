"""The activity of tokens: the types, and the queries that return them."""

from collections.abc import Sequence
from dataclasses import field
from datetime import datetime
from typing import Annotated, Any, ForwardRef
from uuid import UUID

import strawberry
from strawberry import UNSET

import models
from models import ActivityKind, RevocationReason
from server.global_ids import encode_id, row_id
from server.graphql.admins import Admin, find_admins
from server.graphql.basics import DateTime, described, given
from server.graphql.connection import After, Connection, First, connection
from server.graphql.context import Context, Info
from server.graphql.loading import load_selected, loaded
from server.graphql.nodes import Node, TokenId, finder, finds
from server.graphql.permissions import Permission, shown_permissions
from server.graphql.rotation import SecretKept
from server.graphql.weights import counts_as
from server.operations import activity
from server.paging import Page, page_request

ACTIVITY = "activity"
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
described(
    ActivityKind,
    "The kind of a token's activity.",
    CREATED="It was created.",
    NAME_CHANGED="Its name was changed.",
    DESCRIPTION_CHANGED="Its description was changed.",
    PERMISSIONS_EDITED="Its permissions were changed.",
    EXPIRY_SET="Its expiry was changed.",
    PAUSED="It was paused.",
    RESUMED="It was resumed.",
    NETWORKS_SET="Its networks were changed.",
    RATE_LIMIT_SET="Its own rate limit was changed.",
    TRANSFERRED="It got another owner.",
    ROTATION_STARTED="It got a new secret.",
    ROTATION_PICKED_UP="Its new secret was first used.",
    ROTATION_ENDED="Its rotation was ended.",
    REVOKED="It was revoked.",
)
Kind = Annotated[
    ActivityKind | None, strawberry.argument(description="Only this kind of activity.")
]


# A token has activity, and an activity a token: this file cannot import that of tokens.
_TOKEN: Any = Annotated[ForwardRef("Token"), strawberry.lazy("server.graphql.tokens")]


async def _load_actors(context: Context, rows: Sequence[models.Activity]) -> list[Admin | None]:
    found = await context.load_distinct(find_admins, (row.actor_id for row in rows))
    return [found[row.actor_id] for row in rows]


async def _load_tokens(context: Context, rows: Sequence[models.Activity]) -> list[Any]:
    found = await context.load_distinct(finder("Token"), (row.token_id for row in rows))
    return [found[row.token_id] or LookupError("an activity without its token") for row in rows]


async def _load_previous_owners(
    context: Context, rows: Sequence[models.Activity]
) -> list[Admin | None]:
    return await _admins_in(context, rows, "previousOwner")


async def _load_new_owners(context: Context, rows: Sequence[models.Activity]) -> list[Admin | None]:
    return await _admins_in(context, rows, "owner")


async def _admins_in(
    context: Context, rows: Sequence[models.Activity], detail: str
) -> list[Admin | None]:
    """The admins that a detail of each activity names, if any."""
    ids = [UUID(text) if (text := row.details.get(detail)) else None for row in rows]
    found = await context.load_distinct(find_admins, (one for one in ids if one))
    return [found[one] if one else None for one in ids]


@strawberry.interface(description="Something that happened to a token.")
class TokenActivity:
    id: strawberry.ID = strawberry.field(description="A global id.")
    occurred_at: DateTime = strawberry.field(description="When it happened.")
    actor: Admin | None = loaded(
        _load_actors,
        description="The admin who did it; null if the token's holder did, or once that admin is"
        " removed.",
    )
    token: Node = loaded(
        _load_tokens, graphql_type=_TOKEN, description="The token concerned, live or revoked."
    )
    row: strawberry.Private[models.Activity]
    loaded_values: strawberry.Private[dict[str, Any]] = field(default_factory=dict)


@strawberry.type(description="A token was created.")
class TokenCreated(TokenActivity, Node):
    pass


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


@strawberry.type(description="A token's expiry was changed.")
class TokenExpirySet(TokenActivity, Node):
    previous_expires_at: DateTime | None = strawberry.field(
        description="The previous expiry; null for none."
    )
    expires_at: DateTime | None = strawberry.field(description="The new expiry; null for none.")


@strawberry.type(description="A token was paused.")
class TokenPaused(TokenActivity, Node):
    pass


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
        _load_previous_owners,
        description="The previous owner; null for the organisation or an admin removed since.",
    )
    owner: Admin | None = loaded(
        _load_new_owners,
        description="The new owner; null for the organisation or an admin removed since.",
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
        description="How long the old secret was to live on after the first use of the new one."
    )


@strawberry.type(
    description="The new secret of a token was first used. Its holder did it, so there is no actor."
)
class TokenRotationPickedUp(TokenActivity, Node):
    address: str = strawberry.field(
        description="The address it was used from, as reported by the gateway."
    )


@strawberry.type(description="A rotation of a token was ended by an admin.")
class TokenRotationEnded(TokenActivity, Node):
    kept: SecretKept = strawberry.field(
        description="The secret that was kept. The other one ended at once."
    )


@strawberry.type(description="A token was revoked.")
class TokenRevoked(TokenActivity, Node):
    reason: RevocationReason = strawberry.field(description="Why it was revoked.")
    found_at: str | None = strawberry.field(
        description="The URL where its secret was found; null unless a report of a leak names one."
    )


_TYPES: dict[ActivityKind, type[TokenActivity]] = {
    ActivityKind.CREATED: TokenCreated,
    ActivityKind.NAME_CHANGED: TokenNameChanged,
    ActivityKind.DESCRIPTION_CHANGED: TokenDescriptionChanged,
    ActivityKind.PERMISSIONS_EDITED: TokenPermissionsEdited,
    ActivityKind.EXPIRY_SET: TokenExpirySet,
    ActivityKind.PAUSED: TokenPaused,
    ActivityKind.RESUMED: TokenResumed,
    ActivityKind.NETWORKS_SET: TokenNetworksSet,
    ActivityKind.RATE_LIMIT_SET: TokenRateLimitSet,
    ActivityKind.TRANSFERRED: TokenTransferred,
    ActivityKind.ROTATION_STARTED: TokenRotationStarted,
    ActivityKind.ROTATION_PICKED_UP: TokenRotationPickedUp,
    ActivityKind.ROTATION_ENDED: TokenRotationEnded,
    ActivityKind.REVOKED: TokenRevoked,
}
ACTIVITY_TYPES = tuple(_TYPES.values())


def _shown_activity(context: Context, row: models.Activity) -> TokenActivity:
    shown = _TYPES[row.kind]
    return shown(
        id=strawberry.ID(encode_id(shown.__name__, row.id)),
        occurred_at=DateTime(row.created_at),
        row=row,
        **_details(context, row),
    )


def _details(context: Context, row: models.Activity) -> dict[str, Any]:
    details = row.details
    if row.kind is ActivityKind.NAME_CHANGED:
        return {"previous_name": details["previousName"], "name": details["name"]}
    if row.kind is ActivityKind.DESCRIPTION_CHANGED:
        return {
            "previous_description": details["previousDescription"],
            "description": details["description"],
        }
    if row.kind is ActivityKind.PERMISSIONS_EDITED:
        catalogue = context.service.catalogue
        return {name: shown_permissions(catalogue, details[name]) for name in details}
    if row.kind is ActivityKind.EXPIRY_SET:
        return {
            "previous_expires_at": _instant(details["previousExpiresAt"]),
            "expires_at": _instant(details["expiresAt"]),
        }
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
    return _details_of_rotation(row)


def _details_of_rotation(row: models.Activity) -> dict[str, Any]:
    details = row.details
    if row.kind is ActivityKind.ROTATION_STARTED:
        return {
            "compromised": details["compromised"],
            "latest_by": _instant(details["latestBy"]),
            "drain_seconds": details["drainSeconds"],
        }
    if row.kind is ActivityKind.ROTATION_PICKED_UP:
        return {"address": details["address"]}
    if row.kind is ActivityKind.ROTATION_ENDED:
        return {"kept": SecretKept(details["keep"])}
    return {}


def _instant(text: str | None) -> DateTime | None:
    return DateTime(datetime.fromisoformat(text)) if text else None


@finds(*ACTIVITY_TYPES)
async def find_activities(context: Context, ids: Sequence[UUID]) -> list[TokenActivity | None]:
    """Return the activities of these ids, None for those that are not the tenant's."""
    rows = await activity.find_many(context.principal, ids)
    return [_shown_activity(context, rows[one]) if one in rows else None for one in ids]


TokenActivityConnection = Connection[TokenActivity]


async def activity_of_token(
    info: Info, token_id: UUID, first: First, after: After, kind: Kind
) -> TokenActivityConnection:
    """List the activity of a token of any tenant: empty for one of another tenant."""
    request = page_request(ACTIVITY, given(first), given(after))
    page = await activity.of_token(info.context.principal, token_id, request, given(kind))
    return await _shown_page(info, page)


async def token_activity(
    info: Info, token_id: TokenId, first: First = UNSET, after: After = UNSET, kind: Kind = UNSET
) -> TokenActivityConnection | None:
    """List the activity of a token, live or revoked, newest first."""
    found = row_id("Token", token_id)
    if found is None or await info.context.loader(finder("Token")).load(found) is None:
        page_request(ACTIVITY, given(first), given(after))
        return None
    return await activity_of_token(info, found, first, after, kind)


async def all_activity(
    info: Info, first: First = UNSET, after: After = UNSET, kind: Kind = UNSET
) -> TokenActivityConnection:
    """List the activity of all tokens of the tenant, newest first."""
    request = page_request(ACTIVITY, given(first), given(after))
    page = await activity.of_tenant(info.context.principal, request, given(kind))
    return await _shown_page(info, page)


async def _shown_page(info: Info, page: Page[models.Activity]) -> TokenActivityConnection:
    shown = [_shown_activity(info.context, row) for row in page.rows]
    await load_selected(info, shown, "edges", "node")
    return connection(ACTIVITY, page, shown)
