"""Changing a token's conditions and owner. The logic is in `operations.conditions`."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from server.global_ids import id_of
from server.graphql.basics import DateTime, given
from server.graphql.context import Info
from server.graphql.problems import InvalidInput, NotFound, RevisionConflict
from server.graphql.tokens import Token, shown_token
from server.operations import conditions

_INPUT = strawberry.argument(description="The change and its values.")
_TOKEN_ID = "The token's global id."
_IF_REVISION = "Make the change only if this is still the token's revision."


@strawberry.input(description="The new expiry of a token.")
class SetTokenExpiryInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    expires_at: DateTime | None = strawberry.field(
        description="The instant from which it is refused, in the future; null for never."
    )
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.input(description="The token to pause.")
class PauseTokenInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.input(description="The token to resume.")
class ResumeTokenInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.input(description="The new networks of a token.")
class SetTokenNetworksInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    networks: list[str] = strawberry.field(
        description="Networks in CIDR notation, at most 50; empty for anywhere."
    )
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.input(description="The new rate limit of a token.")
class SetTokenRateLimitInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    requests_per_hour: int | None = strawberry.field(
        description="Requests an hour, beside the tenant's limit; null for none."
    )
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.input(description="Whether the holder of a token may rotate it.")
class SetHolderMayRotateInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    holder_may_rotate: bool = strawberry.field(description="Whether its holder may rotate it.")
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.input(description="The new owner of a token.")
class TransferTokenInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    to_admin_id: strawberry.ID | None = strawberry.field(
        description="The admin's global id; null for the organisation."
    )
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.type(description="The token with its new expiry.")
class SetTokenExpiryPayload:
    token: Token = strawberry.field(description="The token.")


@strawberry.type(description="The paused token.")
class PauseTokenPayload:
    token: Token = strawberry.field(description="The token.")


@strawberry.type(description="The resumed token.")
class ResumeTokenPayload:
    token: Token = strawberry.field(description="The token.")


@strawberry.type(description="The token with its new networks.")
class SetTokenNetworksPayload:
    token: Token = strawberry.field(description="The token.")


@strawberry.type(description="The token with its new limit.")
class SetTokenRateLimitPayload:
    token: Token = strawberry.field(description="The token.")


@strawberry.type(description="The token whose holder may rotate it, or not any more.")
class SetHolderMayRotatePayload:
    token: Token = strawberry.field(description="The token.")


@strawberry.type(description="The token with its new owner.")
class TransferTokenPayload:
    token: Token = strawberry.field(description="The token.")


SetTokenExpiryResult = Annotated[
    SetTokenExpiryPayload | InvalidInput | NotFound | RevisionConflict,
    strawberry.union("SetTokenExpiryResult", description="The token, or why it is unchanged."),
]
PauseTokenResult = Annotated[
    PauseTokenPayload | NotFound | RevisionConflict,
    strawberry.union("PauseTokenResult", description="The token, or why it is unchanged."),
]
ResumeTokenResult = Annotated[
    ResumeTokenPayload | NotFound | RevisionConflict,
    strawberry.union("ResumeTokenResult", description="The token, or why it is unchanged."),
]
SetTokenNetworksResult = Annotated[
    SetTokenNetworksPayload | InvalidInput | NotFound | RevisionConflict,
    strawberry.union("SetTokenNetworksResult", description="The token, or why it is unchanged."),
]
SetTokenRateLimitResult = Annotated[
    SetTokenRateLimitPayload | InvalidInput | NotFound | RevisionConflict,
    strawberry.union("SetTokenRateLimitResult", description="The token, or why it is unchanged."),
]
SetHolderMayRotateResult = Annotated[
    SetHolderMayRotatePayload | NotFound | RevisionConflict,
    strawberry.union("SetHolderMayRotateResult", description="The token, or why it is unchanged."),
]
TransferTokenResult = Annotated[
    TransferTokenPayload | NotFound | RevisionConflict,
    strawberry.union("TransferTokenResult", description="The token, or why it is unchanged."),
]


async def set_token_expiry(
    info: Info, input: Annotated[SetTokenExpiryInput, _INPUT]
) -> SetTokenExpiryResult:
    token = await conditions.set_expiry(
        info.context.principal,
        id_of("Token", input.token_id),
        input.expires_at,
        given(input.if_revision),
    )
    return SetTokenExpiryPayload(token=shown_token(token))


async def pause_token(info: Info, input: Annotated[PauseTokenInput, _INPUT]) -> PauseTokenResult:
    token = await conditions.pause(
        info.context.principal, id_of("Token", input.token_id), given(input.if_revision)
    )
    return PauseTokenPayload(token=shown_token(token))


async def resume_token(info: Info, input: Annotated[ResumeTokenInput, _INPUT]) -> ResumeTokenResult:
    token = await conditions.resume(
        info.context.principal, id_of("Token", input.token_id), given(input.if_revision)
    )
    return ResumeTokenPayload(token=shown_token(token))


async def set_token_networks(
    info: Info, input: Annotated[SetTokenNetworksInput, _INPUT]
) -> SetTokenNetworksResult:
    token = await conditions.set_networks(
        info.context.principal,
        id_of("Token", input.token_id),
        input.networks,
        given(input.if_revision),
    )
    return SetTokenNetworksPayload(token=shown_token(token))


async def set_token_rate_limit(
    info: Info, input: Annotated[SetTokenRateLimitInput, _INPUT]
) -> SetTokenRateLimitResult:
    token = await conditions.set_rate_limit(
        info.context.principal,
        id_of("Token", input.token_id),
        input.requests_per_hour,
        given(input.if_revision),
    )
    return SetTokenRateLimitPayload(token=shown_token(token))


async def set_holder_may_rotate(
    info: Info, input: Annotated[SetHolderMayRotateInput, _INPUT]
) -> SetHolderMayRotateResult:
    token = await conditions.set_holder_may_rotate(
        info.context.principal,
        id_of("Token", input.token_id),
        input.holder_may_rotate,
        given(input.if_revision),
    )
    return SetHolderMayRotatePayload(token=shown_token(token))


async def transfer_token(
    info: Info, input: Annotated[TransferTokenInput, _INPUT]
) -> TransferTokenResult:
    token = await conditions.transfer(
        info.context.principal,
        id_of("Token", input.token_id),
        id_of("Admin", input.to_admin_id) if input.to_admin_id is not None else None,
        given(input.if_revision),
    )
    return TransferTokenPayload(token=shown_token(token))
