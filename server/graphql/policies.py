"""The token policy: the type, its preview, and its mutation. The logic is `operations.policies`."""

from typing import Annotated, cast
from uuid import UUID

import strawberry
from strawberry import UNSET

from server.access.token_lists import TokenOrder, is_key
from server.graphql.admins import Admin, find_admins
from server.graphql.basics import DateTime, given
from server.graphql.connection import After, Connection, First, connection
from server.graphql.context import Context, Info
from server.graphql.loading import load_selected
from server.graphql.policy_values import (
    DEFAULT_LIFETIME_DAYS,
    MAXIMUM_LIFETIME_DAYS,
    NETWORKS,
    PAUSE_UNUSED_AFTER_DAYS,
)
from server.graphql.problems import InvalidInput, TokenPolicyConflict
from server.graphql.tokens import Token, shown_token
from server.graphql.weights import PAGED, counts_as
from server.operations import policies
from server.operations.policies import CurrentPolicy, PolicyValues, Preview
from server.paging import page_request

AFFECTED = "policy-tokens"
_INPUT = strawberry.argument(description="The change and its values.")


@strawberry.type(description="The token policy of a tenant. New tokens follow it at once.")
class TokenPolicy:
    default_lifetime_days: int | None = strawberry.field(description=DEFAULT_LIFETIME_DAYS)
    maximum_lifetime_days: int | None = strawberry.field(
        description=f"{MAXIMUM_LIFETIME_DAYS} It counts from the creation of a token, from each"
        " change of its expiry, and from `effectiveFrom` for tokens that existed before."
    )
    pause_unused_after_days: int | None = strawberry.field(description=PAUSE_UNUSED_AFTER_DAYS)
    networks: list[str] = strawberry.field(
        description=f"{NETWORKS} They bind at once.", metadata=counts_as(5)
    )
    effective_from: DateTime | None = strawberry.field(
        description="The instant from which the maximum binds tokens that existed when the policy "
        "was set. Null if it was never set."
    )
    pauses_from: DateTime | None = strawberry.field(
        description="The instant from which unused tokens are paused. Null if they are not."
    )
    is_applied: bool = strawberry.field(
        description="Whether all tokens that existed have the expiry that follows from the "
        "maximum. For many tokens this takes some minutes."
    )
    revision: int = strawberry.field(description="Counts its changes; 0 if it was never set.")
    set_at: DateTime | None = strawberry.field(description="When it was set; null if it never was.")
    set_by: Admin | None = strawberry.field(
        description="The admin who set it, also once they are removed; null if it never was."
    )


@strawberry.input(description="The values of a token policy. A missing one is none.")
class TokenPolicyInput:
    default_lifetime_days: int | None = strawberry.field(
        description="How long a token lives that is created without an expiry: 1 to 3,650 days, at"
        " most the maximum. As long as the maximum allows by default.",
        default=UNSET,
    )
    maximum_lifetime_days: int | None = strawberry.field(
        description="How long a token may live: 1 to 3,650 days. No maximum by default.",
        default=UNSET,
    )
    pause_unused_after_days: int | None = strawberry.field(
        description="Pause a token after so many days without use: 1 to 3,650. Never by default.",
        default=UNSET,
    )
    networks: list[str] | None = strawberry.field(
        description="The networks that all tokens may be used from, in CIDR notation: at most 50."
        " From anywhere by default.",
        default=UNSET,
    )


@strawberry.input(description="The new token policy.")
class SetTokenPolicyInput:
    policy: TokenPolicyInput = strawberry.field(description="All its values.")
    effective_from: DateTime | None = strawberry.field(
        description="From when it binds tokens that exist: in the next 365 days, 14 days ahead by"
        " default. Give that of the preview with its version.",
        default=UNSET,
    )
    if_version: str | None = strawberry.field(
        description="Set it only if this is still the version that the preview of the same policy"
        " and instant tells.",
        default=UNSET,
    )


@strawberry.type(description="A token that a policy gives another expiry.")
class TokenPolicyEffect:
    token: Token = strawberry.field(description="The token as it is now.")
    new_expires_at: DateTime = strawberry.field(description="The expiry that it gets.")


TokenPolicyEffectConnection = Connection[TokenPolicyEffect]


@strawberry.type(description="The effect that a policy would have on the tokens that exist.")
class TokenPolicyPreview:
    effective_from: DateTime = strawberry.field(
        description="The instant from which it would bind them."
    )
    ended_token_count: int = strawberry.field(
        description="How many tokens without expiry get one: exact up to 10,000, and 10,001 for"
        " more."
    )
    shortened_token_count: int = strawberry.field(
        description="How many tokens get an earlier expiry: exact up to 10,000, and 10,001 for"
        " more."
    )
    paused_token_count: int = strawberry.field(
        description="How many tokens are paused when pausing begins, unless they are used before. "
        "Exact up to 10,000, and 10,001 for more, or if more than 50,000 would have to be read."
    )
    version: str = strawberry.field(
        description="Changes with the policy and with each token that gets another expiry. Of "
        "more than 10,000 tokens, only the first count."
    )
    previewed: strawberry.Private[Preview]

    @strawberry.field(
        description="The tokens that get another expiry. Tokens without one come first, by age; "
        "then those that get an earlier one, by their expiry.",
        metadata=PAGED,
    )
    async def tokens(
        self, info: Info, first: First = UNSET, after: After = UNSET
    ) -> TokenPolicyEffectConnection:
        request = page_request(AFFECTED, given(first), given(after), is_key=_is_key)
        page = await policies.affected(info.context.principal, self.previewed, request)
        tokens = [shown_token(row) for row in page.rows]
        await load_selected(info, tokens, "edges", "node", "token")
        plan = self.previewed.plan
        shown = [
            TokenPolicyEffect(token=token, new_expires_at=DateTime(plan.expiry(row)))
            for token, row in zip(tokens, page.rows, strict=True)
        ]
        return connection(AFFECTED, page, shown)


@strawberry.type(description="The policy is set.")
class SetTokenPolicyPayload:
    token_policy: TokenPolicy = strawberry.field(description="The policy.")


TokenPolicyPreviewResult = Annotated[
    TokenPolicyPreview | InvalidInput,
    strawberry.union("TokenPolicyPreviewResult", description="The effect, or why there is none."),
]
SetTokenPolicyResult = Annotated[
    SetTokenPolicyPayload | InvalidInput | TokenPolicyConflict,
    strawberry.union("SetTokenPolicyResult", description="The policy, or why it is unchanged."),
]


async def token_policy(info: Info) -> TokenPolicy:
    """Return the policy of the signed-in admin's tenant."""
    return await _shown(info.context, await policies.get(info.context.principal))


async def token_policy_preview(
    info: Info,
    policy: Annotated[TokenPolicyInput, strawberry.argument(description="All its values.")],
    effective_from: Annotated[
        DateTime | None,
        strawberry.argument(
            description="From when it would bind tokens that exist: in the next 365 days, 14 days"
            " ahead by default."
        ),
    ] = UNSET,
) -> TokenPolicyPreviewResult:
    """Return the effect of a policy before it is set."""
    found = await policies.preview(info.context.principal, _values(policy), given(effective_from))
    return TokenPolicyPreview(
        effective_from=DateTime(found.effective_from),
        ended_token_count=found.plan.ended,
        shortened_token_count=found.plan.shortened,
        paused_token_count=found.paused,
        version=found.version,
        previewed=found,
    )


async def set_token_policy(
    info: Info, input: Annotated[SetTokenPolicyInput, _INPUT]
) -> SetTokenPolicyResult:
    current = await policies.set_policy(
        info.context.principal,
        _values(input.policy),
        given(input.effective_from),
        given(input.if_version),
    )
    return SetTokenPolicyPayload(token_policy=await _shown(info.context, current))


def _is_key(key: str | None) -> bool:
    return is_key(TokenOrder.EXPIRES_SOONEST, key)


def _values(policy: TokenPolicyInput) -> PolicyValues:
    return PolicyValues(
        given(policy.default_lifetime_days),
        given(policy.maximum_lifetime_days),
        given(policy.pause_unused_after_days),
        given(policy.networks) or [],
    )


async def _shown(context: Context, current: CurrentPolicy) -> TokenPolicy:
    values, row = current.values, current.row
    return TokenPolicy(
        default_lifetime_days=values.default_lifetime_days,
        maximum_lifetime_days=values.maximum_lifetime_days,
        pause_unused_after_days=values.pause_unused_after_days,
        networks=list(values.networks),
        effective_from=cast("DateTime | None", row and row.effective_from),
        pauses_from=cast("DateTime | None", row and row.pauses_from),
        is_applied=row is None or row.applied_at is not None,
        revision=row.revision if row else 0,
        set_at=cast("DateTime | None", row and row.set_at),
        set_by=await _admin(context, row.set_by_id) if row else None,
    )


async def _admin(context: Context, admin_id: UUID) -> Admin | None:
    return (await context.load_distinct(find_admins, [admin_id]))[admin_id]
