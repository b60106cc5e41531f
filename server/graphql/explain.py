"""The explanation of a decision of `/authorize`, step by step."""

from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

from server import catalogue
from server.catalogue import Difference, Near
from server.decisions import explanation
from server.decisions.codes import DecisionCode
from server.decisions.explanation import StepKind, StepOutcome
from server.global_ids import row_id
from server.graphql.basics import described
from server.graphql.context import Info
from server.graphql.nodes import TokenId
from server.graphql.permissions import Permission, shown_permissions
from server.graphql.weights import counts_as
from server.operations import explaining
from server.operations.explaining import Request


class Decision(Enum):
    ALLOW = "ALLOW"
    DENY = "DENY"


described(
    Decision,
    "Whether a request may pass.",
    ALLOW="The gateway passes it on.",
    DENY="The gateway refuses it.",
)
described(
    DecisionCode,
    "Why a request with a token is denied: the `code` of `/authorize`.",
    INVALID_TOKEN="The token is not valid at the host of the request.",
    TOKEN_REVOKED="The token was revoked.",
    TOKEN_EXPIRED="The token has expired.",
    TOKEN_PAUSED="The token is paused.",
    SECRET_RETIRED="Another secret of the token has taken the place of this one.",
    TENANT_SUSPENDED="The operator has suspended the tenant.",
    ADDRESS_NOT_ALLOWED="The address is outside the networks of the token or the tenant.",
    HEADER_NOT_CANONICAL="A header's name has characters other than letters, digits and `-`.",
    TARGET_NOT_CANONICAL="The path is not in canonical form.",
    NO_SUCH_OPERATION="The API has no operation with this method and path.",
    INSUFFICIENT_SCOPE="The token does not hold the permission of the operation.",
    RATE_LIMITED="The limit of the tenant or the token is reached.",
)
described(
    StepKind,
    "The subject of a step of a decision, in the order of the decision.",
    HOST="Whether the host is that of the tenant's API.",
    SECRET="Whether the secret is live: the new one during a rotation.",
    OLD_SECRET="Whether the old secret is live too, during a rotation. If it is not, only "
    "requests that carry it are denied.",
    TENANT_NETWORKS="Whether the tenant's networks contain the address.",
    TOKEN_NETWORKS="Whether the token's networks contain the address.",
    TARGET="Whether the path is in canonical form.",
    OPERATION="Which operation of the API the request is for.",
    PERMISSION="Whether the token holds the permission of the operation.",
    TENANT_LIMIT="Whether requests are left in the tenant's limit.",
    TOKEN_LIMIT="Whether requests are left in the token's own limit.",
)
described(
    StepOutcome,
    "Whether a step lets the request go on.",
    PASSED="It lets the request go on.",
    FAILED="It denies the request.",
    NOT_REACHED="An earlier step denies the request.",
)
described(
    Difference,
    "How an operation of the API differs from a request that matches none.",
    METHOD="It has another method.",
    TRAILING_SLASH="Its path differs by the slash at the end.",
    BASE_PATH="Its path has another base path.",
    SPELLING="Its path differs in case, or in the form of Unicode characters.",
    RETIRED="It has left the API.",
    CLOSED="It is closed because of a fault in the API document.",
)


@strawberry.type(description="An operation near a request that matches none.")
class NearOperation:
    difference: Difference = strawberry.field(description="How it differs from the request.")
    method: str = strawberry.field(description="Its HTTP method.")
    path: str = strawberry.field(description="Its path template.")
    permission: Permission | None = strawberry.field(
        description="Its permission. Null if a fault in the API document closes it."
    )
    reason: str | None = strawberry.field(description="Why it is closed; null if it is not.")


@strawberry.type(description="One step of a decision.")
class ExplanationStep:
    kind: StepKind = strawberry.field(description="What it looks at.")
    outcome: StepOutcome = strawberry.field(description="Whether it lets the request go on.")
    sentence: str = strawberry.field(description="What it found, in a sentence.")
    code: DecisionCode | None = strawberry.field(
        description="The code of the denial; null unless it failed."
    )
    permission: Permission | None = strawberry.field(
        description="The permission of the request's operation, in the steps OPERATION and"
        " PERMISSION."
    )
    near: list[NearOperation] = strawberry.field(
        description="At most 10 operations near a request that matches none.",
        metadata=counts_as(3),
    )
    networks: list[str] = strawberry.field(
        description="The networks that are allowed, in CIDR notation. Empty for every address.",
        metadata=counts_as(5),
    )
    limit: int | None = strawberry.field(description="The limit of requests an hour, if any.")
    remaining: int | None = strawberry.field(
        description="The requests that are left in this hour. Null if they are not known."
    )
    reset_seconds: int | None = strawberry.field(
        description="The seconds until the next hour begins; null where there is no limit."
    )


@strawberry.type(
    description="The answer that `/authorize` would give to a request now, and the reason. "
    "Headers are not part of the input: a header name that is not canonical is denied beforehand."
)
class Explanation:
    decision: Decision = strawberry.field(description="Whether the request may pass.")
    status: int = strawberry.field(
        description="The HTTP status that the gateway gets: 200 if the request may pass."
    )
    code: DecisionCode | None = strawberry.field(description="Why it is denied; null if it is not.")
    steps: list[ExplanationStep] = strawberry.field(
        description="The steps of the decision, in their order.", metadata=counts_as(10)
    )


async def explain(
    info: Info,
    token_id: TokenId,
    method: Annotated[str, strawberry.argument(description="The HTTP method, in capitals.")],
    url: Annotated[
        str,
        strawberry.argument(
            description="The URL as it is sent, or its path: the tenant's host is taken then."
        ),
    ],
    address: Annotated[str, strawberry.argument(description="The IP address of the client.")],
) -> Explanation | None:
    """Return the answer that `/authorize` would give, by the same code."""
    context = info.context
    token = row_id("Token", token_id) or UUID(int=0)
    request = Request(method, url, address)
    found = await explaining.explain(
        context.principal, context.service, context.limiter, token, request
    )
    return None if found is None else _shown(context.service.catalogue, found)


def _shown(source: catalogue.Catalogue, found: explanation.Explanation) -> Explanation:
    return Explanation(
        decision=Decision.ALLOW if found.code is None else Decision.DENY,
        status=found.status,
        code=found.code,
        steps=[_shown_step(source, step) for step in found.steps],
    )


def _shown_step(source: catalogue.Catalogue, step: explanation.Step) -> ExplanationStep:
    return ExplanationStep(
        kind=step.kind,
        outcome=step.outcome,
        sentence=step.sentence,
        code=step.code,
        permission=_shown_permission(source, step.permission),
        near=[_shown_near(source, one) for one in step.near],
        networks=list(step.networks),
        limit=step.limit.limit if step.limit else None,
        remaining=step.limit.remaining if step.limit else None,
        reset_seconds=step.reset_seconds,
    )


def _shown_near(source: catalogue.Catalogue, one: Near) -> NearOperation:
    return NearOperation(
        difference=one.difference,
        method=one.method,
        path=one.path,
        permission=_shown_permission(source, one.permission),
        reason=one.reason or None,
    )


def _shown_permission(
    source: catalogue.Catalogue, permission: catalogue.Permission | None
) -> Permission | None:
    return shown_permissions(source, [permission.key])[0] if permission else None
