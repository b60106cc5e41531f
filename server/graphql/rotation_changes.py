"""Rotating a token and ending a rotation. The logic is in `operations.rotation`."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from models import RotationPart
from server.decisions.rotation_requests import DEFAULT_DRAIN_SECONDS, RotationRequest
from server.global_ids import id_of
from server.graphql.basics import DateTime, given
from server.graphql.context import Info
from server.graphql.problems import (
    InvalidInput,
    NotFound,
    RevisionConflict,
    RotationUnderWay,
    SecretAlreadyShown,
)
from server.graphql.rotation import SecretKept
from server.graphql.tokens import Token, shown_token
from server.operations import rotation

_INPUT = strawberry.argument(description="The change and its values.")
_TOKEN_ID = "The token's global id."
_IF_REVISION = "Make the change only if this is still the token's revision."


@strawberry.input(description="The token to rotate.")
class RotateTokenInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    idempotency_key: str | None = strawberry.field(
        description="Makes a retry after a lost answer safe. While the new secret is unused, your "
        "second request with the same key replaces it; later it is refused. Choose another key "
        "for each rotation.",
        default=UNSET,
    )
    drain_seconds: int | None = strawberry.field(
        description="For how many seconds the old secret works after the first use of the new "
        "one: 0 to 604,800.",
        default=DEFAULT_DRAIN_SECONDS,
    )
    latest_by: DateTime | None = strawberry.field(
        description="The instant at which the old secret ends in any case, in the future; none by"
        " default.",
        default=UNSET,
    )
    compromised: bool | None = strawberry.field(
        description="Whether to end every other secret of the token at once.", default=False
    )
    replace: bool | None = strawberry.field(
        description="Whether to replace a rotation whose new secret is unused.", default=False
    )
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.input(description="The rotation to end.")
class EndRotationInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    keep: SecretKept = strawberry.field(
        description="The secret to keep. The other one ends at once. The old one can be kept only "
        "while the new one is unused."
    )
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.type(description="The token with its new secret.")
class RotateTokenPayload:
    token: Token = strawberry.field(description="The token.")
    secret: str = strawberry.field(description="Its new secret. It is shown only here, once.")


@strawberry.type(description="The token with one secret.")
class EndRotationPayload:
    token: Token = strawberry.field(description="The token.")


RotateTokenResult = Annotated[
    RotateTokenPayload
    | InvalidInput
    | NotFound
    | RevisionConflict
    | RotationUnderWay
    | SecretAlreadyShown,
    strawberry.union("RotateTokenResult", description="A new secret, or why there is none."),
]
EndRotationResult = Annotated[
    EndRotationPayload | InvalidInput | NotFound | RevisionConflict,
    strawberry.union("EndRotationResult", description="The token, or why it is unchanged."),
]


async def rotate_token(info: Info, input: Annotated[RotateTokenInput, _INPUT]) -> RotateTokenResult:
    drain_seconds = given(input.drain_seconds)
    rotated = await rotation.rotate(
        info.context.principal,
        info.context.service,
        id_of("Token", input.token_id),
        RotationRequest(
            given(input.idempotency_key),
            DEFAULT_DRAIN_SECONDS if drain_seconds is None else drain_seconds,
            given(input.latest_by),
            given(input.compromised) or False,
            given(input.replace) or False,
            given(input.if_revision),
        ),
    )
    return RotateTokenPayload(token=shown_token(rotated.token), secret=rotated.secret)


async def end_rotation(info: Info, input: Annotated[EndRotationInput, _INPUT]) -> EndRotationResult:
    token = await rotation.end_rotation(
        info.context.principal,
        id_of("Token", input.token_id),
        RotationPart(input.keep.value),
        given(input.if_revision),
    )
    return EndRotationPayload(token=shown_token(token))
