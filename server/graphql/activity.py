"""The activity: the queries that return it, and its filter."""

from collections.abc import Sequence
from typing import Annotated, cast
from uuid import UUID

import strawberry
from strawberry import UNSET

import models
from models import ActivityKind
from server.access.trail import ActivityFilter as Wanted
from server.global_ids import decode_id, encode_id, row_id
from server.graphql.activity_basics import Activity, AdminActivity, TokenActivity
from server.graphql.admin_activity import ADMIN_TYPES
from server.graphql.basics import DateTime, given
from server.graphql.catalogue_activity import CATALOGUE_TYPES
from server.graphql.connection import After, Before, First, Last, PageInfo, connection
from server.graphql.context import Context, Info
from server.graphql.loading import load_selected, selected_beside
from server.graphql.nodes import TokenId, finder, finds
from server.graphql.token_activity import TOKEN_TYPES
from server.graphql.webhook_activity import WEBHOOK_TYPES, WebhookActivity
from server.operations import activity
from server.paging import Page, page_request

ACTIVITY = "activity"
_TYPES: dict[ActivityKind, type[Activity]] = {
    **TOKEN_TYPES,
    **ADMIN_TYPES,
    **WEBHOOK_TYPES,
    **CATALOGUE_TYPES,
}
ACTIVITY_TYPES = tuple(_TYPES.values())
_ABOUT = {"Token": TokenActivity, "Admin": AdminActivity, "Webhook": WebhookActivity}
# The kinds of activities whose subject is of a type.
_KINDS_ABOUT = {
    name: frozenset(kind for kind, of_type in _TYPES.items() if issubclass(of_type, base))
    for name, base in _ABOUT.items()
}
_NO_ROW = UUID(int=0)
Kind = Annotated[
    ActivityKind | None, strawberry.argument(description="Only this kind of activity.")
]


@strawberry.input(
    description="Conditions of activities. An activity meets all that are given, and a missing or"
    " null one in any case."
)
class ActivityFilter:
    kinds: list[ActivityKind] | None = strawberry.field(
        description="Of one of these kinds.", default=UNSET
    )
    actor_id: strawberry.ID | None = strawberry.field(
        description="By this admin, or by a holder of this token: a global id.", default=UNSET
    )
    subject_id: strawberry.ID | None = strawberry.field(
        description="About this token, admin or webhook, or the tenant itself: a global id.",
        default=UNSET,
    )
    since: DateTime | None = strawberry.field(
        description="At this instant or later.", default=UNSET
    )
    until: DateTime | None = strawberry.field(description="Before this instant.", default=UNSET)


Filter = Annotated[
    ActivityFilter | None,
    strawberry.argument(description="Only activity that meets these conditions."),
]


def _wanted(conditions: ActivityFilter | None, kind: ActivityKind | None) -> Wanted:
    """Map the filter; with the argument `kind`, only that of its kinds."""
    if conditions is None:
        return Wanted(None if kind is None else frozenset({kind}))
    kinds = given(conditions.kinds)
    wanted = None if kinds is None else frozenset(kinds)
    if kind is not None:
        wanted = frozenset({kind}) if wanted is None else wanted & {kind}
    actor_id, subject_id = given(conditions.actor_id), given(conditions.subject_id)
    if actor_id is not None and subject_id is not None:
        # Their page is merged from a range for each kind: of these, others have nothing.
        type_name, _ = decode_id(subject_id) or ("", _NO_ROW)
        possible = _KINDS_ABOUT.get(type_name)
        if possible is not None:
            wanted = possible if wanted is None else wanted & possible
    return Wanted(
        wanted,
        _id_of(actor_id),
        _id_of(subject_id),
        given(conditions.since),
        given(conditions.until),
    )


def _id_of(text: str | None) -> UUID | None:
    """The id that a global id names; for a text that is none, an id that no row has."""
    if text is None:
        return None
    decoded = decode_id(text)
    return decoded[1] if decoded else _NO_ROW


def _shown_activity(context: Context, row: models.Activity) -> Activity:
    shown = _TYPES[row.kind]
    activity_id = strawberry.ID(encode_id(shown.__name__, row.id))
    return shown(id=activity_id, row=row, catalogue=context.service.catalogue)


@finds(*ACTIVITY_TYPES)
async def find_activities(context: Context, ids: Sequence[UUID]) -> list[Activity | None]:
    """Return the activities of these ids, None for those that are not the tenant's."""
    rows = await activity.find_many(context.principal, ids)
    return [_shown_activity(context, rows[one]) if one in rows else None for one in ids]


# Both lists are named as they were when only tokens had activity: clients have fragments on them.
@strawberry.type(name="TokenActivityEdge", description="An activity in a list, with a cursor.")
class ActivityEdge:
    node: Activity = strawberry.field(description="The activity.")
    cursor: str = strawberry.field(description="The cursor of this place in the list.")


@strawberry.type(
    name="TokenActivityConnection",
    description="A page of a list of activities, of tokens and of everything else.",
)
class ActivityConnection:
    edges: list[ActivityEdge] = strawberry.field(description="The activities of this page.")
    page_info: PageInfo = strawberry.field(description="The page's position in the list.")


async def activity_of_token(
    info: Info, token_id: UUID, first: First, after: After, kind: Kind
) -> ActivityConnection:
    """List the activity of a token of any tenant: empty for one of another tenant."""
    request = page_request(ACTIVITY, given(first), given(after))
    beside = selected_beside(info, Activity, "edges", "node")
    page = await activity.of_token(info.context.principal, token_id, request, given(kind), beside)
    return await _shown_page(info, page)


async def token_activity(
    info: Info, token_id: TokenId, first: First = UNSET, after: After = UNSET, kind: Kind = UNSET
) -> ActivityConnection | None:
    """List the activity of a token, live or revoked, newest first."""
    found = row_id("Token", token_id)
    if found is None or await info.context.loader(finder("Token")).load(found) is None:
        page_request(ACTIVITY, given(first), given(after))
        return None
    return await activity_of_token(info, found, first, after, kind)


async def all_activity(
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
    kind: Kind = UNSET,
    filter: Filter = UNSET,
) -> ActivityConnection:
    """List the activity of the tenant, newest first."""
    request = page_request(ACTIVITY, given(first), given(after), given(last), given(before))
    wanted = _wanted(given(filter), given(kind))
    beside = selected_beside(info, Activity, "edges", "node")
    page = await activity.of_tenant(info.context.principal, request, wanted, beside=beside)
    return await _shown_page(info, page)


async def _shown_page(info: Info, page: Page[models.Activity]) -> ActivityConnection:
    shown = [_shown_activity(info.context, row) for row in page.rows]
    await load_selected(info, shown, "edges", "node")
    made = connection(ACTIVITY, page, shown, (ActivityConnection, ActivityEdge))
    return cast("ActivityConnection", made)
