"""The usage of tokens: calls counted per endpoint, and the reasons of denied calls."""

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
    NO_SUCH_OPERATION="The API has no endpoint with this method and path.",
    TARGET_NOT_CANONICAL="The path was not in canonical form, for example with `..` or `//`.",
    HEADER_NOT_CANONICAL="A header's name had characters other than letters, digits and `-`.",
    RATE_LIMITED="The tenant had reached its rate limit.",
)


@strawberry.type(description="How often a token called one endpoint.")
class TokenUsage:
    permission: Permission | None = strawberry.field(
        description="The endpoint; null for calls that matched none."
    )
    allowed: int = strawberry.field(description="How many calls were allowed.")
    denied: int = strawberry.field(description="How many calls were denied.")
    first_used_at: DateTime = strawberry.field(description="When the token first called it.")
    last_used_at: DateTime = strawberry.field(description="When the token last called it.")


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


def shown_usage(source: catalogue.Catalogue, usage: Usage) -> TokenUsage:
    """Map a token's usage of one operation to its GraphQL type."""
    return TokenUsage(
        permission=shown_permissions(source, [usage.key])[0] if usage.key else None,
        allowed=min(int(usage.allowed), _MAX_INT),
        denied=min(int(usage.denied), _MAX_INT),
        first_used_at=DateTime(usage.first_used_at),
        last_used_at=DateTime(usage.last_used_at),
    )


def shown_refusal(row: models.TokenRefusal) -> TokenRefusal:
    """Map a refusal to its GraphQL type."""
    return TokenRefusal(
        occurred_at=DateTime(row.created_at),
        method=row.method,
        path=row.path or None,
        reason=row.reason,
        address=row.address,
        user_agent=row.user_agent,
        request_id=row.request_id,
    )
