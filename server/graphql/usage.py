"""What tokens were used for: how often they asked for what, and why they were denied."""

import strawberry

import models
from models import RefusalReason
from server import catalogue
from server.graphql.basics import DateTime, described
from server.graphql.permissions import Permission, shown_permissions
from server.operations.usage import Usage

_MAX_INT = 2**31 - 1
described(
    RefusalReason,
    "Why a call with a token was denied.",
    REVOKED="The token was revoked.",
    NOT_GRANTED="The token does not hold the permission of the endpoint.",
    NO_SUCH_OPERATION="The API has no endpoint of this method and path.",
    TARGET_NOT_CANONICAL="The path was not in canonical form, such as with `..` or `//` in it.",
    HEADER_NOT_CANONICAL="The name of a header had other characters than letters, digits and `-`.",
    RATE_LIMITED="The tenant had reached its limit of requests.",
)


@strawberry.type(description="How often a token asked for one endpoint.")
class TokenUsage:
    permission: Permission | None = strawberry.field(
        description="The endpoint; null for calls that matched none."
    )
    allowed: int = strawberry.field(description="How many calls were let through.")
    denied: int = strawberry.field(description="How many calls were denied.")
    first_used_at: DateTime = strawberry.field(description="When it first asked.")
    last_used_at: DateTime = strawberry.field(description="When it last asked.")


@strawberry.type(description="A call with a token that was denied.")
class TokenRefusal:
    occurred_at: DateTime = strawberry.field(description="When it was denied.")
    method: str = strawberry.field(description="The method it asked for.")
    path: str | None = strawberry.field(
        description="The path template of the endpoint; null if no endpoint matched."
    )
    reason: RefusalReason = strawberry.field(description="Why it was denied.")
    address: str = strawberry.field(description="Where it came from, as the gateway tells it.")
    user_agent: str = strawberry.field(description="What the client called itself.")
    request_id: str = strawberry.field(description="The id that the answer carried.")


def shown_usage(source: catalogue.Catalogue, usage: Usage) -> TokenUsage:
    """A token's use of one operation as GraphQL shows it."""
    return TokenUsage(
        permission=shown_permissions(source, [usage.key])[0] if usage.key else None,
        allowed=min(int(usage.allowed), _MAX_INT),
        denied=min(int(usage.denied), _MAX_INT),
        first_used_at=DateTime(usage.first_used_at),
        last_used_at=DateTime(usage.last_used_at),
    )


def shown_refusal(row: models.TokenRefusal) -> TokenRefusal:
    """A refusal as GraphQL shows it."""
    return TokenRefusal(
        occurred_at=DateTime(row.created_at),
        method=row.method,
        path=row.path or None,
        reason=row.reason,
        address=row.address,
        user_agent=row.user_agent,
        request_id=row.request_id,
    )
