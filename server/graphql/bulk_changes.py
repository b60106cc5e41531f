"""Revoking all tokens that meet a filter. The logic is in `operations.revocation`."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from models import RevocationReason
from server.graphql.basics import given
from server.graphql.context import Info
from server.graphql.problems import CountChanged, InvalidInput
from server.graphql.token_list import TokenFilter, wanted_tokens
from server.operations import revocation

_INPUT = strawberry.argument(description="The change and its values.")


@strawberry.input(description="The tokens to revoke.")
class RevokeTokensInput:
    filter: TokenFilter = strawberry.field(
        description="Revoke those that meet it. Its states exclude REVOKED."
    )
    expected_count: int = strawberry.field(
        description="Their number, as returned by `tokenCount`: at most 10,000. If the number has "
        "changed, none is revoked."
    )
    reason: RevocationReason | None = strawberry.field(
        description="REVOKED, the default, or COMPROMISED.", default=UNSET
    )


@strawberry.type(description="The tokens are revoked.")
class RevokeTokensPayload:
    revoked_token_count: int = strawberry.field(
        description="How many tokens this request revoked. Tokens that another request revoked "
        "meanwhile are not counted."
    )


RevokeTokensResult = Annotated[
    RevokeTokensPayload | CountChanged | InvalidInput,
    strawberry.union("RevokeTokensResult", description="How many, or why none is revoked."),
]


async def revoke_tokens(
    info: Info, input: Annotated[RevokeTokensInput, _INPUT]
) -> RevokeTokensResult:
    count = await revocation.revoke_all(
        info.context.principal,
        wanted_tokens(input.filter),
        input.expected_count,
        given(input.reason),
    )
    return RevokeTokensPayload(revoked_token_count=count)
