"""Tokens and their activity: the types, and the queries that return them.

The mutations are in `server.graphql.token_changes`.
"""

from typing import Annotated, Any, cast
from uuid import UUID

import strawberry
from strawberry import UNSET

import models
from models import ActivityKind, RevocationReason
from server.global_ids import encode_id, row_id
from server.graphql.admins import Admin, shown_admin
from server.graphql.basics import (
    After,
    Before,
    DateTime,
    First,
    Last,
    Node,
    PageInfo,
    described,
    given,
    page_info,
)
from server.graphql.context import Info, permission_keys
from server.graphql.permissions import Permission, shown_permissions
from server.graphql.selection import selected_fields
from server.graphql.usage import TokenRefusal, TokenUsage, shown_refusal, shown_usage
from server.operations import activity, admins, tokens, usage
from server.paging import Page, encode_cursor, page_request

TOKENS = "tokens"
ACTIVITY = "activity"
_OF_LAST_USE = {"lastUsedAt", "lastUsedFrom", "lastUsedUserAgent"}
described(
    RevocationReason,
    "Why a token was revoked.",
    REVOKED="An admin revoked it.",
    CREATOR_REMOVED="The admin who created it was removed.",
)
described(
    ActivityKind,
    "The kind of a token's activity.",
    CREATED="It was created.",
    NAME_CHANGED="Its name was changed.",
    DESCRIPTION_CHANGED="Its description was changed.",
    PERMISSIONS_EDITED="Its permissions were changed.",
    REVOKED="It was revoked.",
)
Kind = Annotated[
    ActivityKind | None, strawberry.argument(description="Only this kind of activity.")
]
TokenId = Annotated[strawberry.ID, strawberry.argument(description="The token's global id.")]


async def _last_used_at(root: "Token", info: Info) -> DateTime | None:
    last = await info.context.last_uses.load(root.row.id)
    return DateTime(last.last_used_at) if last else None


async def _last_used_from(root: "Token", info: Info) -> str | None:
    last = await info.context.last_uses.load(root.row.id)
    return last.last_used_from if last else None


async def _last_used_user_agent(root: "Token", info: Info) -> str | None:
    last = await info.context.last_uses.load(root.row.id)
    return last.last_used_user_agent if last else None


@strawberry.type(description="An API token. No field contains its secret.")
class Token(Node):
    name: str = strawberry.field(description="Its name. Names need not be unique.")
    description: str = strawberry.field(
        description="Its purpose; may be empty, and may contain line breaks."
    )
    hint: str = strawberry.field(description="The beginning of its secret, for recognising it.")
    revision: int = strawberry.field(
        description="Counts its changes. Pass it as `ifRevision` to change only the state you read."
    )
    created_at: DateTime = strawberry.field(description="When it was created.")
    last_used_at: DateTime | None = strawberry.field(
        resolver=_last_used_at,
        description="When a call with it was last allowed, accurate to seconds; null if never.",
    )
    last_used_from: str | None = strawberry.field(
        resolver=_last_used_from,
        description="The address it was last used from, as reported by the gateway.",
    )
    last_used_user_agent: str | None = strawberry.field(
        resolver=_last_used_user_agent,
        description="The `User-Agent` of the client that last used it.",
    )
    revoked_at: DateTime | None = strawberry.field(
        description="When it was revoked; null while it is live."
    )
    row: strawberry.Private[models.Token]
    loaded_last_used_at: strawberry.Private[DateTime | None] = UNSET
    loaded_last_used_from: strawberry.Private[str | None] = UNSET
    loaded_last_used_user_agent: strawberry.Private[str | None] = UNSET
    loaded_permissions: strawberry.Private[list[Permission]] = UNSET
    loaded_permission_count: strawberry.Private[int] = UNSET
    loaded_created_by: strawberry.Private[Admin | None] = UNSET

    @strawberry.field(description="Its permissions, in the grid's order, retired ones last.")
    async def permissions(self, info: Info) -> list[Permission]:
        keys = await info.context.permission_keys.load(self.row.id)
        return shown_permissions(info.context.service.catalogue, keys or [])

    @strawberry.field(
        description="How many permissions it holds, with retired ones. Cheaper than listing them."
    )
    async def permission_count(self, info: Info) -> int:
        return await info.context.permission_counts.load(self.row.id) or 0

    @strawberry.field(description="The admin who created it; null once that admin is removed.")
    async def created_by(self, info: Info) -> Admin | None:
        return await _load_admin(info, self.row.created_by_id)

    @strawberry.field(
        description="How often it called each endpoint, most recently used first."
        " Counts are kept for 400 days."
    )
    async def usage(
        self,
        info: Info,
        since: Annotated[
            DateTime | None,
            strawberry.argument(description="Count from the day of this instant on, in UTC."),
        ] = UNSET,
    ) -> list[TokenUsage]:
        found = await info.context.usage.load((self.row.id, given(since)))
        return [shown_usage(info.context.service.catalogue, one) for one in found]

    @strawberry.field(description="Its latest 20 denied calls, newest first.")
    async def recent_refusals(self, info: Info) -> list[TokenRefusal]:
        return [shown_refusal(row) for row in await info.context.refusals.load(self.row.id) or []]

    @strawberry.field(description="Its activity, newest first.")
    async def activity(
        self, info: Info, first: First = UNSET, after: After = UNSET, kind: Kind = UNSET
    ) -> "TokenActivityConnection":
        return await _activity_of(info, self.row.id, given(first), given(after), given(kind))


def shown_token(row: models.Token) -> Token:
    """Map a token to its GraphQL type."""
    return Token(
        id=strawberry.ID(encode_id("Token", row.id)),
        name=row.name,
        description=row.description,
        hint=row.hint,
        revision=row.revision,
        created_at=DateTime(row.created_at),
        revoked_at=cast("DateTime | None", row.revoked_at),
        row=row,
    )


@strawberry.type(description="A token in a list, with a cursor.")
class TokenEdge:
    node: Token = strawberry.field(description="The token.")
    cursor: str = strawberry.field(description="The cursor of this place in the list.")


@strawberry.type(description="A page of tokens.")
class TokenConnection:
    edges: list[TokenEdge] = strawberry.field(description="The tokens of this page.")
    page_info: PageInfo = strawberry.field(description="The page's position in the list.")


@strawberry.interface(description="Something that happened to a token.")
class TokenActivity:
    id: strawberry.ID = strawberry.field(description="A global id.")
    occurred_at: DateTime = strawberry.field(description="When it happened.")
    row: strawberry.Private[models.Activity]

    @strawberry.field(description="The admin who did it; null once that admin is removed.")
    async def actor(self, info: Info) -> Admin | None:
        return await _load_admin(info, self.row.actor_id)

    @strawberry.field(description="The token concerned, live or revoked.")
    async def token(self, info: Info) -> Token:
        row = await info.context.tokens.load(self.row.token_id)
        if row is None:
            raise LookupError("an activity without its token")
        return shown_token(row)


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
    granted: list[Permission] = strawberry.field(description="The permissions added.")
    withdrawn: list[Permission] = strawberry.field(description="The permissions removed.")


@strawberry.type(description="A token was revoked.")
class TokenRevoked(TokenActivity, Node):
    reason: RevocationReason = strawberry.field(description="Why it was revoked.")


_ACTIVITY_TYPES: dict[ActivityKind, type[TokenActivity]] = {
    ActivityKind.CREATED: TokenCreated,
    ActivityKind.NAME_CHANGED: TokenNameChanged,
    ActivityKind.DESCRIPTION_CHANGED: TokenDescriptionChanged,
    ActivityKind.PERMISSIONS_EDITED: TokenPermissionsEdited,
    ActivityKind.REVOKED: TokenRevoked,
}
ACTIVITY_TYPES = tuple(_ACTIVITY_TYPES.values())


def shown_activity(info: Info, row: models.Activity) -> TokenActivity:
    """Map an activity to its GraphQL type."""
    shown = _ACTIVITY_TYPES[row.kind]
    return shown(
        id=strawberry.ID(encode_id(shown.__name__, row.id)),
        occurred_at=DateTime(row.created_at),
        row=row,
        **_details(info, row),
    )


def _details(info: Info, row: models.Activity) -> dict[str, Any]:
    details = row.details
    if row.kind is ActivityKind.NAME_CHANGED:
        return {"previous_name": details["previousName"], "name": details["name"]}
    if row.kind is ActivityKind.DESCRIPTION_CHANGED:
        return {
            "previous_description": details["previousDescription"],
            "description": details["description"],
        }
    if row.kind is ActivityKind.PERMISSIONS_EDITED:
        catalogue = info.context.service.catalogue
        return {name: shown_permissions(catalogue, details[name]) for name in details}
    if row.kind is ActivityKind.REVOKED:
        return {"reason": RevocationReason(details["reason"])}
    return {}


@strawberry.type(description="An activity in a list, with a cursor.")
class TokenActivityEdge:
    node: TokenActivity = strawberry.field(description="The activity.")
    cursor: str = strawberry.field(description="The cursor of this place in the list.")


@strawberry.type(description="A page of activity.")
class TokenActivityConnection:
    edges: list[TokenActivityEdge] = strawberry.field(description="The activity of this page.")
    page_info: PageInfo = strawberry.field(description="The page's position in the list.")


async def list_tokens(
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
    search: Annotated[
        str | None,
        strawberry.argument(
            description="Only tokens with this text in name or description. Ignores case, width and"
            " accents. More than 200 characters fail with `BAD_SEARCH`. A search that would have to"
            " read too many tokens fails with `SEARCH_TOO_BROAD`."
        ),
    ] = UNSET,
) -> TokenConnection:
    """List live tokens, newest first."""
    request = page_request(TOKENS, given(first), given(after), given(last), given(before))
    page = await tokens.search(info.context.principal, request, given(search))
    shown = [shown_token(row) for row in page.rows]
    await _load_ahead(info, shown)
    return TokenConnection(
        edges=[
            TokenEdge(node=token, cursor=encode_cursor(TOKENS, token.row.id)) for token in shown
        ],
        page_info=page_info(TOKENS, page, lambda row: row.id),
    )


async def _load_ahead(info: Info, shown: list[Token]) -> None:
    """Preload the fields that the query selects, for all tokens of the page at once.

    The loaders would run the same queries, but an awaited field costs more than a preloaded one:
    the executor reads a field with a resolver from `loaded_…` if that is set.
    """
    selected = selected_fields(info, "edges", "node")
    context = info.context
    if selected & _OF_LAST_USE:
        last_uses = await usage.last_uses(context.principal, [token.row.id for token in shown])
        for token in shown:
            last = last_uses.get(token.row.id)
            token.loaded_last_used_at = DateTime(last.last_used_at) if last else None
            token.loaded_last_used_from = last.last_used_from if last else None
            token.loaded_last_used_user_agent = last.last_used_user_agent if last else None
    if "permissions" in selected:
        ids = [token.row.id for token in shown]
        # A token with `grants` holds few permissions, which need no counting.
        uncounted = [token.row.id for token in shown if token.row.grants is None]
        keys = await permission_keys(context.principal, ids, uncounted)
        for token in shown:
            token.loaded_permissions = shown_permissions(
                context.service.catalogue, keys[token.row.id]
            )
    if "permissionCount" in selected:
        counts = await tokens.count_permissions(
            context.principal, [token.row.id for token in shown]
        )
        for token in shown:
            token.loaded_permission_count = counts.get(token.row.id, 0)
    if "createdBy" in selected:
        creators = await admins.find_many(
            context.principal, {token.row.created_by_id for token in shown}
        )
        known = {creator: shown_admin(row) for creator, row in creators.items()}
        for token in shown:
            token.loaded_created_by = known.get(token.row.created_by_id)


async def find_token(info: Info, id: TokenId) -> Token | None:
    """Return one token, live or revoked."""
    token_id = row_id("Token", id)
    row = await info.context.tokens.load(token_id) if token_id else None
    return shown_token(row) if row else None


async def token_activity(
    info: Info, token_id: TokenId, first: First = UNSET, after: After = UNSET, kind: Kind = UNSET
) -> TokenActivityConnection | None:
    """List the activity of a token, live or revoked, newest first."""
    found = row_id("Token", token_id)
    if found is None or await info.context.tokens.load(found) is None:
        page_request(ACTIVITY, given(first), given(after))
        return None
    return await _activity_of(info, found, given(first), given(after), given(kind))


async def all_activity(
    info: Info, first: First = UNSET, after: After = UNSET, kind: Kind = UNSET
) -> TokenActivityConnection:
    """List the activity of all tokens of the tenant, newest first."""
    request = page_request(ACTIVITY, given(first), given(after))
    page = await activity.of_tenant(info.context.principal, request, given(kind))
    return _shown_page(info, page)


async def _activity_of(
    info: Info, token_id: UUID, first: int | None, after: str | None, kind: ActivityKind | None
) -> TokenActivityConnection:
    request = page_request(ACTIVITY, first, after)
    page = await activity.of_token(info.context.principal, token_id, request, kind)
    return _shown_page(info, page)


def _shown_page(info: Info, page: Page[models.Activity]) -> TokenActivityConnection:
    return TokenActivityConnection(
        edges=[
            TokenActivityEdge(
                node=shown_activity(info, row), cursor=encode_cursor(ACTIVITY, row.id)
            )
            for row in page.rows
        ],
        page_info=page_info(ACTIVITY, page, lambda row: row.id),
    )


async def _load_admin(info: Info, admin_id: UUID) -> Admin | None:
    row = await info.context.admins.load(admin_id)
    return shown_admin(row) if row else None
