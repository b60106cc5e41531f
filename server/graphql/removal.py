"""The plan of an admin's removal: its types and query. `admin_changes` has the mutation."""

from collections.abc import Sequence
from dataclasses import field
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import UNSET

import models
from server.decisions.removal import RemovalAction
from server.global_ids import id_of
from server.graphql.admins import Admin, shown_admin
from server.graphql.basics import DateTime, described, given
from server.graphql.connection import After, Connection, First, connection
from server.graphql.context import Context, Info
from server.graphql.loading import load_selected, loaded
from server.graphql.tokens import Token, shown_token
from server.graphql.usage import TokenUsage, shown_usage
from server.graphql.weights import PAGED, costs, counts_as
from server.operations import removal
from server.paging import page_request

CONNECTION = "removalPlan"
_MAX_INT = 2**31 - 1
# To read the ids of all their tokens, and which are in use.
PLAN_COSTS = costs(50)
described(
    RemovalAction,
    "The effect on a token whose owner is removed.",
    REVOKE="It is revoked: its callers are refused from then on.",
    TRANSFER="It keeps working, and belongs to another admin or to the organisation.",
)
AdminId = Annotated[strawberry.ID, strawberry.argument(description="The admin's global id.")]


@strawberry.type(description="A client that used a token.")
class TokenCaller:
    address: str = strawberry.field(
        description="The address it came from, as reported by the gateway."
    )
    user_agent: str = strawberry.field(description="The client's `User-Agent`.")
    last_used_at: DateTime = strawberry.field(
        description="When it last used the token, accurate to seconds."
    )


async def _load_callers(context: Context, rows: Sequence[models.Token]) -> list[list[TokenCaller]]:
    found = await removal.callers(context.principal, [row.id for row in rows])
    return [[_shown_caller(one) for one in found[row.id]] for row in rows]


def _shown_caller(caller: removal.TokenCaller) -> TokenCaller:
    return TokenCaller(
        address=caller.address,
        user_agent=caller.user_agent,
        last_used_at=DateTime(caller.last_used_at),
    )


async def _load_stops(context: Context, rows: Sequence[models.Token]) -> list[list[TokenUsage]]:
    found = await removal.operations_in_use(context.principal, [row.id for row in rows])
    catalogue = context.service.catalogue
    return [[shown_usage(catalogue, one) for one in found[row.id]] for row in rows]


@strawberry.type(description="A token of an admin who may be removed.")
class RemovalPlanToken:
    token: Token = strawberry.field(description="The token.")
    row: strawberry.Private[models.Token]
    loaded_values: strawberry.Private[dict[str, Any]] = field(default_factory=dict)
    callers: list[TokenCaller] = loaded(
        _load_callers,
        description="The known clients, the latest first: the one that last used it and, during a "
        "rotation, those that still use its old secret.",
        metadata=counts_as(2),
    )
    stops: list[TokenUsage] = loaded(
        _load_stops,
        description="The calls that stop if it is revoked: the endpoints that it was allowed to"
        " call in the last 30 days, most recently used first.",
        metadata=counts_as(20),
    )


RemovalPlanTokenConnection = Connection[RemovalPlanToken]


@strawberry.type(description="The effect of removing an admin: the live tokens they own.")
class RemovalPlan:
    admin: Admin = strawberry.field(description="The admin.")
    token_count: int = strawberry.field(description="How many live tokens they own.")
    used_token_count: int = strawberry.field(
        description="How many of these were used in the last 30 days."
    )
    version: str = strawberry.field(
        description="Changes with each live token that they gain or lose. Pass it as `ifVersion`, "
        "so that the removal affects only the tokens you saw."
    )
    plan: strawberry.Private[removal.RemovalPlan]

    @strawberry.field(description="Their live tokens, newest first.", metadata=PAGED)
    async def tokens(
        self, info: Info, first: First = UNSET, after: After = UNSET
    ) -> RemovalPlanTokenConnection:
        request = page_request(CONNECTION, given(first), given(after))
        page = await removal.tokens(info.context.principal, self.plan.admin.id, request)
        tokens = [shown_token(row) for row in page.rows]
        await load_selected(info, tokens, "edges", "node", "token")
        shown = [
            RemovalPlanToken(token=token, row=row)
            for token, row in zip(tokens, page.rows, strict=True)
        ]
        await load_selected(info, shown, "edges", "node")
        return connection(CONNECTION, page, shown)


async def find_plan(context: Context, admin_id: UUID) -> RemovalPlan | None:
    """Return the plan of an admin's removal; None for an admin who is not there."""
    plan = await removal.plan(context.principal, admin_id)
    if plan is None:
        return None
    return RemovalPlan(
        admin=shown_admin(plan.admin),
        token_count=min(plan.tokens, _MAX_INT),
        used_token_count=min(plan.used, _MAX_INT),
        version=plan.version,
        plan=plan,
    )


async def removal_plan(info: Info, admin_id: AdminId) -> RemovalPlan | None:
    """Return the plan of an admin's removal."""
    return await find_plan(info.context, id_of("Admin", admin_id))
