"""Problems: refusals that a person at a form can mend, as members of a mutation's result."""

from enum import Enum

import strawberry

from server import errors
from server.graphql.basics import described
from server.graphql.tokens import Token, shown_token


class ProblemCode(Enum):
    INVALID_INPUT = "INVALID_INPUT"
    NOT_FOUND = "NOT_FOUND"
    REVISION_CONFLICT = "REVISION_CONFLICT"
    SECRET_ALREADY_SHOWN = "SECRET_ALREADY_SHOWN"
    LAST_OWNER = "LAST_OWNER"
    OWN_ACCOUNT = "OWN_ACCOUNT"


described(
    ProblemCode,
    "What kind of problem it is, for programs.",
    INVALID_INPUT="A value is not acceptable.",
    NOT_FOUND="There is no such thing in this tenant.",
    REVISION_CONFLICT="Somebody else has changed it meanwhile.",
    SECRET_ALREADY_SHOWN="The token was made before, and its secret shown then.",
    LAST_OWNER="The tenant would be left without an owner.",
    OWN_ACCOUNT="Nobody removes themself.",
)


@strawberry.interface(description="Why a mutation changed nothing, and what a person can mend.")
class Problem:
    code: ProblemCode = strawberry.field(description="What kind of problem it is.")
    message: str = strawberry.field(description="The problem in a sentence, for people.")


@strawberry.type(description="A value is not acceptable.")
class InvalidInput(Problem):
    field: str = strawberry.field(description="The input's field that holds the value.")


@strawberry.type(
    description="There is no such thing in this tenant; the same for what belongs to another."
)
class NotFound(Problem):
    pass


@strawberry.type(description="Somebody else has changed the token since you last read it.")
class RevisionConflict(Problem):
    token: Token = strawberry.field(description="The token as it is now.")


@strawberry.type(description="The idempotency key has made a token before.")
class SecretAlreadyShown(Problem):
    token: Token = strawberry.field(description="The token that it made.")


@strawberry.type(description="The tenant would be left without an owner.")
class LastOwner(Problem):
    pass


@strawberry.type(description="Nobody removes themself.")
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


class _SecretAlreadyShown(
    strawberry.ExceptionHandler[errors.SecretAlreadyShown, SecretAlreadyShown]
):
    def handle(self, exception: errors.SecretAlreadyShown, **_: object) -> SecretAlreadyShown:
        return SecretAlreadyShown(
            code=ProblemCode.SECRET_ALREADY_SHOWN,
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
    _SecretAlreadyShown(),
    _LastOwner(),
    _OwnAccount(),
)
