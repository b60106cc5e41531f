"""Starting, enforcing and dropping a token's trial. The logic is in `operations.trials`."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from server.global_ids import id_of
from server.graphql.basics import given
from server.graphql.context import Info
from server.graphql.problems import InvalidInput, NotFound, RevisionConflict, TrialUnderWay
from server.graphql.tokens import Token, shown_token
from server.operations import trials

_INPUT = strawberry.argument(description="The change and its values.")
_TOKEN_ID = "The token's global id."
_IF_REVISION = "Make the change only if this is still the token's revision."


@strawberry.input(description="Fewer permissions of a token to try.")
class StartTrialInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    permissions: list[str] = strawberry.field(
        description="The keys of the permissions that the token would keep: all but at least one"
        " of those that it holds."
    )
    days: int | None = strawberry.field(
        description="After how many days it is dropped by itself: 1 to 90.",
        default=trials.DEFAULT_DAYS,
    )
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.input(description="The trial to enforce.")
class EnforceTrialInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.input(description="The trial to drop.")
class DropTrialInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.type(description="The token with its trial.")
class StartTrialPayload:
    token: Token = strawberry.field(description="The token.")


@strawberry.type(description="The token without the permissions that its trial withheld.")
class EnforceTrialPayload:
    token: Token = strawberry.field(description="The token.")


@strawberry.type(description="The token with its permissions as they were.")
class DropTrialPayload:
    token: Token = strawberry.field(description="The token.")


StartTrialResult = Annotated[
    StartTrialPayload | InvalidInput | NotFound | RevisionConflict | TrialUnderWay,
    strawberry.union("StartTrialResult", description="The token, or why it has no new trial."),
]
EnforceTrialResult = Annotated[
    EnforceTrialPayload | InvalidInput | NotFound | RevisionConflict,
    strawberry.union("EnforceTrialResult", description="The token, or why it is unchanged."),
]
DropTrialResult = Annotated[
    DropTrialPayload | NotFound | RevisionConflict,
    strawberry.union("DropTrialResult", description="The token, or why it is unchanged."),
]


async def start_trial(info: Info, input: Annotated[StartTrialInput, _INPUT]) -> StartTrialResult:
    days = given(input.days)
    token = await trials.start(
        info.context.principal,
        id_of("Token", input.token_id),
        input.permissions,
        trials.DEFAULT_DAYS if days is None else days,
        given(input.if_revision),
    )
    return StartTrialPayload(token=shown_token(token))


async def enforce_trial(
    info: Info, input: Annotated[EnforceTrialInput, _INPUT]
) -> EnforceTrialResult:
    token = await trials.enforce(
        info.context.principal, id_of("Token", input.token_id), given(input.if_revision)
    )
    return EnforceTrialPayload(token=shown_token(token))


async def drop_trial(info: Info, input: Annotated[DropTrialInput, _INPUT]) -> DropTrialResult:
    token = await trials.drop(
        info.context.principal, id_of("Token", input.token_id), given(input.if_revision)
    )
    return DropTrialPayload(token=shown_token(token))
