"""The usage of tokens: calls counted per endpoint, the last use, the reasons of denied calls."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from uuid import UUID

import strawberry

import models
from models import RefusalReason
from server.access.reading import beside, is_beside
from server.catalogue import Catalogue
from server.errors import QueryTooComplex
from server.graphql.basics import DateTime, described
from server.graphql.context import Context
from server.graphql.permissions import Permission, shown_permissions
from server.operations import usage
from server.operations.usage import DayOfUse, Usage

MAX_SINCES = 3
_MAX_INT = 2**31 - 1
described(
    RefusalReason,
    "Why a call with a token was denied.",
    REVOKED="The token was revoked.",
    EXPIRED="The token had expired.",
    PAUSED="The token was paused.",
    SECRET_RETIRED="Another secret of the token had taken the place of the one presented.",
    TENANT_SUSPENDED="The operator had suspended the tenant.",
    ADDRESS_NOT_ALLOWED="The call came from outside the networks of the token or the tenant.",
    NOT_GRANTED="The token does not hold the permission of the endpoint.",
    NO_SUCH_OPERATION="The API has no endpoint with this method and path.",
    TARGET_NOT_CANONICAL="The path was not in canonical form, for example with `..` or `//`.",
    HEADER_NOT_CANONICAL="A header's name had characters other than letters, digits and `-`.",
    RATE_LIMITED="The tenant or the token had reached its rate limit.",
)


@strawberry.type(description="How often a token called one endpoint.")
class TokenUsage:
    permission: Permission | None = strawberry.field(
        description="The endpoint. Null for calls that matched none."
    )
    allowed: int = strawberry.field(description="How many calls were allowed.")
    denied: int = strawberry.field(description="How many calls were denied.")
    first_used_at: DateTime = strawberry.field(description="When the token first called it.")
    last_used_at: DateTime = strawberry.field(description="When the token last called it.")


@strawberry.type(description="How many calls with a token there were on one day.")
class UsageDay:
    starts_at: DateTime = strawberry.field(description="When the day began, in UTC.")
    allowed: int = strawberry.field(description="How many calls were allowed.")
    denied: int = strawberry.field(description="How many calls were denied.")


@strawberry.type(description="A call with a token that was denied.")
class TokenRefusal:
    occurred_at: DateTime = strawberry.field(description="When it was denied.")
    method: str = strawberry.field(description="The HTTP method of the call.")
    path: str | None = strawberry.field(
        description="The path template of the endpoint; null if no endpoint matched."
    )
    reason: RefusalReason = strawberry.field(description="Why it was denied.")
    address: str = strawberry.field(
        description="The address it came from, as reported by the gateway."
    )
    user_agent: str = strawberry.field(description="The client's `User-Agent`.")
    request_id: str = strawberry.field(description="The request id in the answer.")


async def load_last_uses(
    context: Context, rows: Sequence[models.Token]
) -> list[models.TokenLastUse | None]:
    """Return the last use of each token; None if it was never used."""
    if is_beside(rows, "last_use"):
        return [beside(row, "last_use") for row in rows]
    found = await usage.last_uses(context.principal, [row.id for row in rows])
    return [found.get(row.id) for row in rows]


async def load_last_instants(
    context: Context, rows: Sequence[models.Token]
) -> list[datetime | None]:
    """Return when each token was last used; None if it was never used."""
    if is_beside(rows, "last_used_at"):
        return [beside(row, "last_used_at") for row in rows]
    uses = await load_last_uses(context, rows)
    return [last.last_used_at if last else None for last in uses]


async def load_refusals(context: Context, rows: Sequence[models.Token]) -> list[list[TokenRefusal]]:
    """Return the latest denied calls of each token, newest first."""
    found = await usage.recent_refusals(context.principal, [row.id for row in rows])
    return [[_shown_refusal(refusal) for refusal in found[row.id]] for row in rows]


async def load_usage(
    context: Context, asked: Sequence[tuple[UUID, datetime | None]]
) -> list[list[TokenUsage]]:
    """Return the usage of each token since an instant, with one query for each instant.

    Raises `QueryTooComplex` if a request asks for more than `MAX_SINCES` instants.
    """
    context.usage_sinces.update(since for _, since in asked)
    if len(context.usage_sinces) > MAX_SINCES:
        raise QueryTooComplex(f"Ask for usage since at most {MAX_SINCES} instants.")
    found = {
        since: await usage.of_tokens(
            context.principal, {token_id for token_id, other in asked if other == since}, since
        )
        for since in {since for _, since in asked}
    }
    catalogue = context.service.catalogue
    return [
        [shown_usage(catalogue, one) for one in found[since][token_id]] for token_id, since in asked
    ]


async def load_usage_by_day(
    context: Context, asked: Sequence[tuple[UUID, int]]
) -> list[list[UsageDay]]:
    """Return the usage of each token by day, with one query for each number of days.

    Raises `InvalidInput`, or `QueryTooComplex` as `load_usage` does.
    """
    context.usage_sinces.update(days for _, days in asked)
    if len(context.usage_sinces) > MAX_SINCES:
        raise QueryTooComplex(f"Ask for usage since at most {MAX_SINCES} instants.")
    found = {
        days: await usage.by_day(
            context.principal, {token_id for token_id, other in asked if other == days}, days
        )
        for days in {days for _, days in asked}
    }
    return [[_shown_day(one) for one in found[days][token_id]] for token_id, days in asked]


def _shown_day(use: DayOfUse) -> UsageDay:
    return UsageDay(
        starts_at=DateTime(datetime.combine(use.day, time(), UTC)),
        allowed=min(int(use.allowed), _MAX_INT),
        denied=min(int(use.denied), _MAX_INT),
    )


def shown_usage(source: Catalogue, usage: Usage) -> TokenUsage:
    """Map the use of one operation to its GraphQL type."""
    return TokenUsage(
        permission=shown_permissions(source, [usage.key])[0] if usage.key else None,
        allowed=min(int(usage.allowed), _MAX_INT),
        denied=min(int(usage.denied), _MAX_INT),
        first_used_at=DateTime(usage.first_used_at),
        last_used_at=DateTime(usage.last_used_at),
    )


def _shown_refusal(row: models.TokenRefusal) -> TokenRefusal:
    return TokenRefusal(
        occurred_at=DateTime(row.created_at),
        method=row.method,
        path=row.path or None,
        reason=row.reason,
        address=row.address,
        user_agent=row.user_agent,
        request_id=row.request_id,
    )
