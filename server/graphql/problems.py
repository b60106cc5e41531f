"""Problems: refusals that a user can correct, as members of a mutation's result."""

from enum import Enum
from uuid import UUID

import strawberry

from server import errors
from server.graphql.basics import described
from server.graphql.context import Info
from server.graphql.removal import PLAN_COSTS, RemovalPlan, find_plan
from server.graphql.tokens import Token, shown_token


class ProblemCode(Enum):
    INVALID_INPUT = "INVALID_INPUT"
    NOT_FOUND = "NOT_FOUND"
    REVISION_CONFLICT = "REVISION_CONFLICT"
    COUNT_CHANGED = "COUNT_CHANGED"
    TOKEN_POLICY_CONFLICT = "TOKEN_POLICY_CONFLICT"
    REMOVAL_PLAN_CONFLICT = "REMOVAL_PLAN_CONFLICT"
    SECRET_ALREADY_SHOWN = "SECRET_ALREADY_SHOWN"
    ROTATION_UNDER_WAY = "ROTATION_UNDER_WAY"
    TRIAL_UNDER_WAY = "TRIAL_UNDER_WAY"
    LAST_OWNER = "LAST_OWNER"
    OWN_ACCOUNT = "OWN_ACCOUNT"


described(
    ProblemCode,
    "The kind of problem, for programs.",
    INVALID_INPUT="A value is not acceptable.",
    NOT_FOUND="Not found in this tenant.",
    REVISION_CONFLICT="Another admin has changed it since it was read.",
    COUNT_CHANGED="Another number of tokens than expected meets the filter.",
    TOKEN_POLICY_CONFLICT="The token policy, or a token that it concerns, has changed since.",
    REMOVAL_PLAN_CONFLICT="The admin owns other tokens than when the plan was read.",
    SECRET_ALREADY_SHOWN="An earlier request was carried out and showed the secret.",
    ROTATION_UNDER_WAY="Another rotation of the token has not ended yet.",
    TRIAL_UNDER_WAY="A trial of the token is under way.",
    LAST_OWNER="The tenant would be left without an owner.",
    OWN_ACCOUNT="Admins cannot remove themselves.",
)


@strawberry.interface(description="Why a mutation changed nothing, for a user to correct.")
class Problem:
    code: ProblemCode = strawberry.field(description="The kind of problem.")
    message: str = strawberry.field(description="The problem as a sentence, for people.")


@strawberry.type(description="A value is not acceptable.")
class InvalidInput(Problem):
    field: str = strawberry.field(description="The input field with the value.")


@strawberry.type(
    description="Not found in this tenant. Objects of other tenants are not found either."
)
class NotFound(Problem):
    pass


@strawberry.type(description="Another admin has changed the token since you last read it.")
class RevisionConflict(Problem):
    token: Token = strawberry.field(description="The token as it is now.")


@strawberry.type(description="Another number of tokens than expected meets the filter.")
class CountChanged(Problem):
    count: int = strawberry.field(
        description="How many meet it by now: exact up to 10,000, and 10,001 for more."
    )


@strawberry.type(
    description="The token policy, or a token that it concerns, has changed since the preview."
)
class TokenPolicyConflict(Problem):
    pass


@strawberry.type(description="The admin owns other tokens than when the plan was read.")
class RemovalPlanConflict(Problem):
    admin_id: strawberry.Private[UUID]

    @strawberry.field(
        description="The plan as it is now, with its new version; null once the admin is removed.",
        metadata=PLAN_COSTS,
    )
    async def plan(self, info: Info) -> RemovalPlan | None:
        return await find_plan(info.context, self.admin_id)


@strawberry.type(
    description="An earlier request with this idempotency key created or rotated a token."
)
class SecretAlreadyShown(Problem):
    token: Token = strawberry.field(description="The token it created or rotated.")


@strawberry.type(description="Another rotation of the token has not ended yet.")
class RotationUnderWay(Problem):
    token: Token = strawberry.field(description="The token with its rotation.")


@strawberry.type(description="A trial of the token is under way.")
class TrialUnderWay(Problem):
    token: Token = strawberry.field(description="The token with its trial.")


@strawberry.type(description="The tenant would be left without an owner.")
class LastOwner(Problem):
    pass


@strawberry.type(description="Admins cannot remove themselves.")
class OwnAccount(Problem):
    pass


class _InvalidInput(strawberry.ExceptionHandler[errors.InvalidInput, InvalidInput]):
    def handle(self, exception: errors.InvalidInput, **_: object) -> InvalidInput:
        return InvalidInput(
            code=ProblemCode.INVALID_INPUT, message=exception.message, field=exception.field
        )


class _NotFound(strawberry.ExceptionHandler[errors.NotFound, NotFound]):
    def handle(self, exception: errors.NotFound, **_: object) -> NotFound:
        return NotFound(code=ProblemCode.NOT_FOUND, message=exception.message)


class _RevisionConflict(strawberry.ExceptionHandler[errors.RevisionConflict, RevisionConflict]):
    def handle(self, exception: errors.RevisionConflict, **_: object) -> RevisionConflict:
        return RevisionConflict(
            code=ProblemCode.REVISION_CONFLICT,
            message=exception.message,
            token=shown_token(exception.token),
        )


class _CountChanged(strawberry.ExceptionHandler[errors.CountChanged, CountChanged]):
    def handle(self, exception: errors.CountChanged, **_: object) -> CountChanged:
        return CountChanged(
            code=ProblemCode.COUNT_CHANGED, message=exception.message, count=exception.count
        )


class _TokenPolicyConflict(
    strawberry.ExceptionHandler[errors.TokenPolicyConflict, TokenPolicyConflict]
):
    def handle(self, exception: errors.TokenPolicyConflict, **_: object) -> TokenPolicyConflict:
        return TokenPolicyConflict(
            code=ProblemCode.TOKEN_POLICY_CONFLICT, message=exception.message
        )


class _RemovalPlanConflict(
    strawberry.ExceptionHandler[errors.RemovalPlanConflict, RemovalPlanConflict]
):
    def handle(self, exception: errors.RemovalPlanConflict, **_: object) -> RemovalPlanConflict:
        return RemovalPlanConflict(
            code=ProblemCode.REMOVAL_PLAN_CONFLICT,
            message=exception.message,
            admin_id=exception.admin.id,
        )


class _SecretAlreadyShown(
    strawberry.ExceptionHandler[errors.SecretAlreadyShown, SecretAlreadyShown]
):
    def handle(self, exception: errors.SecretAlreadyShown, **_: object) -> SecretAlreadyShown:
        return SecretAlreadyShown(
            code=ProblemCode.SECRET_ALREADY_SHOWN,
            message=exception.message,
            token=shown_token(exception.token),
        )


class _RotationUnderWay(strawberry.ExceptionHandler[errors.RotationUnderWay, RotationUnderWay]):
    def handle(self, exception: errors.RotationUnderWay, **_: object) -> RotationUnderWay:
        return RotationUnderWay(
            code=ProblemCode.ROTATION_UNDER_WAY,
            message=exception.message,
            token=shown_token(exception.token),
        )


class _TrialUnderWay(strawberry.ExceptionHandler[errors.TrialUnderWay, TrialUnderWay]):
    def handle(self, exception: errors.TrialUnderWay, **_: object) -> TrialUnderWay:
        return TrialUnderWay(
            code=ProblemCode.TRIAL_UNDER_WAY,
            message=exception.message,
            token=shown_token(exception.token),
        )


class _LastOwner(strawberry.ExceptionHandler[errors.LastOwner, LastOwner]):
    def handle(self, exception: errors.LastOwner, **_: object) -> LastOwner:
        return LastOwner(code=ProblemCode.LAST_OWNER, message=exception.message)


class _OwnAccount(strawberry.ExceptionHandler[errors.OwnAccount, OwnAccount]):
    def handle(self, exception: errors.OwnAccount, **_: object) -> OwnAccount:
        return OwnAccount(code=ProblemCode.OWN_ACCOUNT, message=exception.message)


HANDLERS = (
    _InvalidInput(),
    _NotFound(),
    _RevisionConflict(),
    _CountChanged(),
    _TokenPolicyConflict(),
    _RemovalPlanConflict(),
    _SecretAlreadyShown(),
    _RotationUnderWay(),
    _TrialUnderWay(),
    _LastOwner(),
    _OwnAccount(),
)
