"""Tokens: the type, and the query of one. `token_list` has the lists, `token_changes` mutations."""

from collections.abc import Sequence
from dataclasses import field
from typing import Annotated, Any
from uuid import UUID

import orjson
import strawberry
from strawberry import UNSET

import models
from models import TokenState
from server.access.columns_beside import MAX_KEYS
from server.access.reading import beside, is_beside
from server.catalogue import Catalogue
from server.conditions import networks_of
from server.global_ids import encode_id, row_id
from server.graphql.access_requests import AccessRequestConnection, requests_of_token
from server.graphql.activity import ActivityConnection, Kind, activity_of_token
from server.graphql.admins import ADMIN_IN_BRIEF, Admin, admins_beside, find_admins
from server.graphql.basics import DateTime, described, given
from server.graphql.connection import After, Connection, First
from server.graphql.context import Context, Info
from server.graphql.loading import loaded, of_row
from server.graphql.metering import MAX_OBJECTS, TooLargeError
from server.graphql.nodes import NODE_ID, Node, TokenId, finds
from server.graphql.permissions import Permission, kept_permissions, shown_permissions
from server.graphql.recipes import TokenRecipe, load_token_recipes
from server.graphql.right_size import WEIGHT, Days, RightSize, load_right_size
from server.graphql.rotation import Rotation, load_rotations, shown_rotation
from server.graphql.trials import Trial, load_trials, shown_trial
from server.graphql.usage import (
    TokenRefusal,
    TokenUsage,
    UsageDay,
    load_last_instants,
    load_last_uses,
    load_refusals,
    load_usage,
    load_usage_by_day,
)
from server.graphql.weights import PAGED, costs, counts_as
from server.operations import conditions, tokens, usage
from server.operations.right_size import DEFAULT_DAYS

# Characters of a list of keys whose permissions are kept: of some tens. More than `MAX_KEYS` keys
# take more.
_MAX_KEPT_LENGTH = 2_000
described(
    TokenState,
    "The state of a token: the last that applies, in this order.",
    ACTIVE="It may be used.",
    PAUSED="It is refused until an admin resumes it.",
    EXPIRED="It is refused since it expired. A later expiry revives it.",
    REVOKED="It is refused for ever.",
)


async def _load_permissions(
    context: Context, rows: Sequence[models.Token]
) -> list[Sequence[Permission]]:
    """Raises `TooLargeError` for more permissions than an answer may show."""
    catalogue = context.service.catalogue
    shown: list[Sequence[Permission] | None] = [None] * len(rows)
    if is_beside(rows, "keys"):
        shown = [_permissions_beside(catalogue, beside(row, "keys")) for row in rows]
    ids = [row.id for row, found in zip(rows, shown, strict=True) if found is None]
    held = await tokens.permission_keys(context.principal, ids, MAX_OBJECTS + 1) if ids else {}
    if sum(map(len, held.values())) > MAX_OBJECTS:
        raise TooLargeError
    return [
        shown_permissions(catalogue, held[row.id]) if found is None else found
        for row, found in zip(rows, shown, strict=True)
    ]


def _permissions_beside(catalogue: Catalogue, keys: str | None) -> Sequence[Permission] | None:
    """The permissions that were read beside a token; None where they may be more."""
    if keys is None:
        return ()
    if len(keys) <= _MAX_KEPT_LENGTH:
        return kept_permissions(catalogue, keys)
    found = orjson.loads(keys)
    return shown_permissions(catalogue, found) if len(found) <= MAX_KEYS else None


async def _load_permission_counts(context: Context, rows: Sequence[models.Token]) -> list[int]:
    counts = await tokens.count_permissions(context.principal, [row.id for row in rows])
    return [counts.get(row.id, 0) for row in rows]


async def _load_followed(context: Context, rows: Sequence[models.Token]) -> list[list[str]]:
    ids = [row.id for row in rows]
    followed = await tokens.followed_categories_of(context.principal, ids)
    return [followed[one] for one in ids]


async def _load_creators(context: Context, rows: Sequence[models.Token]) -> list[Admin | None]:
    if is_beside(rows, "creator"):
        return admins_beside(rows, "creator")
    found = await context.load_distinct(find_admins, (row.created_by_id for row in rows))
    return [found[row.created_by_id] for row in rows]


async def _load_owners(context: Context, rows: Sequence[models.Token]) -> list[Admin | None]:
    if is_beside(rows, "owner"):
        return admins_beside(rows, "owner")
    found = await context.load_distinct(
        find_admins, (row.owner_id for row in rows if row.owner_id is not None)
    )
    return [found[row.owner_id] if row.owner_id is not None else None for row in rows]


async def _load_states(context: Context, rows: Sequence[models.Token]) -> list[TokenState]:
    return [TokenState(state) for state in await conditions.states(context.principal, rows)]


async def _usage(
    root: "Token",
    info: Info,
    since: Annotated[
        DateTime | None,
        strawberry.argument(description="Count from the day of this instant on, in UTC."),
    ] = UNSET,
) -> list[TokenUsage]:
    return await info.context.loader(load_usage).load((root.row.id, given(since)))


async def _usage_by_day(
    root: "Token", info: Info, days: Days = usage.DEFAULT_DAYS
) -> list[UsageDay]:
    return await info.context.loader(load_usage_by_day).load((root.row.id, days))


@strawberry.type(description="An API token. No field contains its secret.")
class Token(Node):
    id: strawberry.ID = of_row(lambda row: encode_id("Token", row.id), description=NODE_ID)
    name: str = of_row("name", description="Its name. Names need not be unique.")
    description: str = of_row(
        "description", description="Its purpose; may be empty, and may contain line breaks."
    )
    hint: str = of_row(
        "hint", description="The beginning of its latest secret, for recognising it."
    )
    revision: int = of_row(
        "revision",
        description="Counts its changes. Pass it as `ifRevision` to change only the state you"
        " read.",
    )
    created_at: DateTime = of_row("created_at", description="When it was created.")
    last_used_at: DateTime | None = loaded(
        load_last_instants,
        beside=("last_used_at",),
        description="When a call with it was last allowed, accurate to seconds; null if never.",
    )
    last_used_from: str | None = loaded(
        load_last_uses,
        lambda last: last and last.last_used_from,
        beside=("last_use",),
        description="The address it was last used from, as reported by the gateway.",
    )
    last_used_user_agent: str | None = loaded(
        load_last_uses,
        lambda last: last and last.last_used_user_agent,
        beside=("last_use",),
        description="The `User-Agent` of the client that last used it.",
    )
    revoked_at: DateTime | None = of_row(
        "revoked_at", description="When it was revoked; null while it is live."
    )
    state: TokenState = loaded(_load_states, description="Its state, by the clock of the database.")
    is_owned_by_organisation: bool = of_row(
        lambda row: row.owner_id is None,
        description="Whether the organisation owns it: then it outlives every admin.",
    )
    owner: Admin | None = loaded(
        _load_owners,
        beside=("owner",),
        brief=ADMIN_IN_BRIEF,
        description="The admin with whose removal it is revoked; null if the organisation owns it.",
    )
    expires_at: DateTime | None = of_row(
        "expires_at", description="The instant from which it is refused; null for never."
    )
    paused_at: DateTime | None = of_row(
        "paused_at", description="When it was paused; null while it is not."
    )
    networks: list[str] = of_row(
        lambda row: networks_of(row.networks),
        description="The networks it may be used from, in CIDR notation; empty for anywhere. The"
        " tenant's networks bind too.",
        metadata=counts_as(5),
    )
    requests_per_hour: int | None = of_row(
        "requests_per_hour", description="Its own limit beside the tenant's; null for none."
    )
    holder_may_rotate: bool = of_row(
        lambda row: bool(row.holder_may_rotate),
        description="Whether its holder may rotate its secret.",
    )
    rotation: Rotation | None = loaded(
        load_rotations,
        shown_rotation,
        description="The rotation under way; null while it has one secret.",
    )
    trial: Trial | None = loaded(
        load_trials,
        shown_trial,
        description="The trial of fewer permissions under way; null without one.",
    )
    row: strawberry.Private[models.Token]
    loaded_values: strawberry.Private[dict[str, Any]] = field(default_factory=dict)
    permissions: list[Permission] = loaded(
        _load_permissions,
        beside=("keys",),
        description="Its permissions, in the grid's order, retired ones last.",
        metadata=counts_as(20),
    )
    permission_count: int = loaded(
        _load_permission_counts,
        description="How many permissions it holds, with retired ones. Cheaper than listing them.",
    )
    followed_categories: list[str] = loaded(
        _load_followed,
        description="The categories that it follows. It is granted the operations that a later"
        " version of the API document brings in them.",
        metadata=counts_as(2),
    )
    recipe: TokenRecipe | None = loaded(
        load_token_recipes,
        description="The recipe that it was made from, and how it differs; null for none.",
    )
    created_by: Admin | None = loaded(
        _load_creators,
        beside=("creator",),
        brief=ADMIN_IN_BRIEF,
        description="The admin who created it, also once they are removed; null for one of whom"
        " nothing is kept.",
    )

    usage: list[TokenUsage] = strawberry.field(
        resolver=_usage,
        description="How often it called each endpoint, most recently used first."
        " Counts are kept for 400 days unless the operator sets another time.",
        metadata=counts_as(40),
    )
    usage_by_day: list[UsageDay] = strawberry.field(
        resolver=_usage_by_day,
        description="How many calls with it there were on each of the last days, the earliest"
        " first. Days without calls are missing.",
        metadata=counts_as(30),
    )
    recent_refusals: list[TokenRefusal] = loaded(
        load_refusals,
        description="Its latest 20 denied calls, newest first.",
        metadata=counts_as(20),
    )

    @strawberry.field(
        description="Its permissions beside their use. Suggests, and changes nothing.",
        metadata=costs(WEIGHT),
    )
    async def right_size(self, info: Info, days: Days = DEFAULT_DAYS) -> RightSize:
        return await load_right_size(info, self.row.id, days)

    @strawberry.field(description="Its activity, newest first.", metadata=PAGED)
    async def activity(
        self, info: Info, first: First = UNSET, after: After = UNSET, kind: Kind = UNSET
    ) -> ActivityConnection:
        return await activity_of_token(info, self.row.id, first, after, kind)

    @strawberry.field(
        description="The access requests of its holder, newest first.", metadata=PAGED
    )
    async def access_requests(
        self, info: Info, first: First = UNSET, after: After = UNSET
    ) -> AccessRequestConnection:
        return await requests_of_token(info, self.row.id, first, after)


def shown_token(row: models.Token) -> Token:
    """Map a token to its GraphQL type."""
    return Token(row=row)


@finds(Token, shown=shown_token)
async def find_tokens(context: Context, ids: Sequence[UUID]) -> list[Token | None]:
    """Return the tokens of these ids, live or revoked, None for those that are not the tenant's."""
    rows = await tokens.find_many(context.principal, ids)
    return [shown_token(rows[token_id]) if token_id in rows else None for token_id in ids]


TokenConnection = Connection[Token]


async def find_token(info: Info, id: TokenId) -> Token | None:
    """Return one token, live or revoked."""
    token_id = row_id("Token", id)
    return await info.context.loader(find_tokens).load(token_id) if token_id else None
