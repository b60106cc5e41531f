"""Lists of tokens: their filter, their orders, and the queries of a page and of a count."""

from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET

from models import TokenState
from server.access.token_filter import MAX_IDS, NOT_REVOKED, TOO_MANY_IDS
from server.access.token_filter import TokenFilter as Wanted
from server.access.token_lists import TokenOrder, is_key
from server.errors import BadSearch
from server.global_ids import id_of
from server.graphql.basics import DateTime, described, given
from server.graphql.connection import After, Before, First, Last, connection
from server.graphql.context import Info
from server.graphql.loading import load_selected, selected_beside
from server.graphql.tokens import Token, TokenConnection, shown_token
from server.operations import tokens
from server.paging import page_request

TOKENS = "tokens"
described(
    TokenOrder,
    "The order of a list of tokens. Those that are equal in it are sorted by age.",
    NEWEST="The latest created first.",
    OLDEST="The earliest created first.",
    NAME="By name; upper and lower case are the same.",
    LAST_USED="The latest used first; those never used last, the latest created first.",
    LEAST_RECENTLY_USED="The reverse of LAST_USED: those never used first.",
    EXPIRES_SOONEST="The next to expire first, after those that have expired; those without expiry"
    " last.",
)
_SEARCH = (
    "Only tokens with this text in their name, description or hint, or in their creator's name."
    " Ignores case, width and accents. More than 200 characters fail with `BAD_SEARCH`."
)


@strawberry.input(
    description="Conditions of tokens. A token meets all that are given, and a missing or null one"
    " in any case."
)
class TokenFilter:
    states: list[TokenState] | None = strawberry.field(
        description="In one of these states, by the clock of the database. ACTIVE, PAUSED and"
        " EXPIRED by default.",
        default=UNSET,
    )
    owner_id: strawberry.ID | None = strawberry.field(
        description="Owned by the admin with this global id.", default=UNSET
    )
    is_owned_by_organisation: bool | None = strawberry.field(
        description="Whether owned by the organisation, or by an admin.", default=UNSET
    )
    created_by_id: strawberry.ID | None = strawberry.field(
        description="Created by the admin with this global id.", default=UNSET
    )
    unused_since: DateTime | None = strawberry.field(
        description="Neither used nor created at this instant or later.", default=UNSET
    )
    created_before: DateTime | None = strawberry.field(
        description="Created before this instant.", default=UNSET
    )
    expires_before: DateTime | None = strawberry.field(
        description="With an expiry before this instant.", default=UNSET
    )
    permission: str | None = strawberry.field(
        description="Holding the permission with this key, also under other names of its"
        " parameters.",
        default=UNSET,
    )
    search: str | None = strawberry.field(description=_SEARCH, default=UNSET)
    ids: list[strawberry.ID] | None = strawberry.field(
        description="Among the tokens with these global ids. More than 500 fail with `BAD_SEARCH`.",
        default=UNSET,
    )
    never_used: bool | None = strawberry.field(
        description="Whether never used, or used at least once.", default=UNSET
    )


Filter = Annotated[
    TokenFilter | None,
    strawberry.argument(
        description="Only the tokens that meet it. A filter that would have to read too many tokens"
        " fails with `SEARCH_TOO_BROAD`."
    ),
]


def wanted_tokens(conditions: TokenFilter | None) -> Wanted:
    """Map the input of a filter to that of the operations."""
    if not conditions:
        return Wanted()
    states, owner_id = given(conditions.states), given(conditions.owner_id)
    created_by_id, ids = given(conditions.created_by_id), given(conditions.ids)
    return Wanted(
        states=NOT_REVOKED if states is None else frozenset(states),
        owner_id=None if owner_id is None else id_of("Admin", owner_id),
        is_owned_by_organisation=given(conditions.is_owned_by_organisation),
        created_by_id=None if created_by_id is None else id_of("Admin", created_by_id),
        unused_since=given(conditions.unused_since),
        created_before=given(conditions.created_before),
        expires_before=given(conditions.expires_before),
        permission=given(conditions.permission),
        search=given(conditions.search) or "",
        ids=None if ids is None else _token_ids(ids),
        never_used=given(conditions.never_used),
    )


def _token_ids(ids: list[strawberry.ID]) -> frozenset[UUID]:
    if len(ids) > MAX_IDS:
        raise BadSearch(TOO_MANY_IDS)
    return frozenset(id_of("Token", one) for one in ids)


async def list_tokens(
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
    search: Annotated[
        str | None,
        strawberry.argument(
            description=f"{_SEARCH} A search that would have to read too many tokens fails with"
            " `SEARCH_TOO_BROAD`."
        ),
    ] = UNSET,
    filter: Filter = UNSET,
    order_by: Annotated[
        TokenOrder | None,
        strawberry.argument(
            description="NEWEST by default. A cursor belongs to the order that gave it."
        ),
    ] = UNSET,
) -> TokenConnection:
    """List the tokens that meet a filter."""
    order = given(order_by) or TokenOrder.NEWEST
    name = TOKENS if order is TokenOrder.NEWEST else f"{TOKENS}/{order.value}"
    request = page_request(
        name,
        given(first),
        given(after),
        given(last),
        given(before),
        is_key=lambda key: is_key(order, key),
    )
    wanted = wanted_tokens(given(filter))
    beside = selected_beside(info, Token, "edges", "node")
    page = await tokens.search(
        info.context.principal, request, given(search), wanted, order, beside
    )
    shown = [shown_token(row) for row in page.rows]
    await load_selected(info, shown, "edges", "node")
    return connection(name, page, shown)


async def count_tokens(info: Info, filter: Filter = UNSET) -> int:
    """Count the tokens that meet a filter."""
    return await tokens.count(info.context.principal, wanted_tokens(given(filter)))
