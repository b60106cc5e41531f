"""Problems: refusals that a user can correct, as members of a mutation's result."""

from enum import Enum

import strawberry

from server import errors
from server.graphql.basics import described
from server.graphql.tokens import Token, shown_token


class ProblemCode(Enum):
    INVALID_INPUT = "INVALID_INPUT"
    NOT_FOUND = "NOT_FOUND"
    REVISION_CONFLICT = "REVISION_CONFLICT"
    COUNT_CHANGED = "COUNT_CHANGED"
    SECRET_ALREADY_SHOWN = "SECRET_ALREADY_SHOWN"
    ROTATION_UNDER_WAY = "ROTATION_UNDER_WAY"
    LAST_OWNER = "LAST_OWNER"
    OWN_ACCOUNT = "OWN_ACCOUNT"


described(
    ProblemCode,
    "The kind of problem, for programs.",
    INVALID_INPUT="A value is not acceptable.",
    NOT_FOUND="Not found in this tenant.",
    REVISION_CONFLICT="Another admin has changed it since it was read.",
    COUNT_CHANGED="Another number of tokens than expected meets the filter.",
    SECRET_ALREADY_SHOWN="An earlier request was carried out and showed the secret.",
    ROTATION_UNDER_WAY="Another rotation of the token has not ended yet.",
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
    description="An earlier request with this idempotency key created or rotated a token."
)
class SecretAlreadyShown(Problem):
    token: Token = strawberry.field(description="The token it created or rotated.")


@strawberry.type(description="Another rotation of the token has not ended yet.")
class RotationUnderWay(Problem):
    token: Token = strawberry.field(description="The token with its rotation.")


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
    _SecretAlreadyShown(),
    _RotationUnderWay(),
    _LastOwner(),
    _OwnAccount(),
)
