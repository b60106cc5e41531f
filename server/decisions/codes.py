"""The codes of decisions: `/authorize` answers with them, and `explain` names them."""

from enum import Enum

from models import RefusalReason


class DecisionCode(Enum):
    """The reason why a request with a secret is denied, as the answer states it."""

    INVALID_TOKEN = "INVALID_TOKEN"
    TOKEN_REVOKED = "TOKEN_REVOKED"
    TOKEN_EXPIRED = "TOKEN_EXPIRED"
    TOKEN_PAUSED = "TOKEN_PAUSED"
    SECRET_RETIRED = "SECRET_RETIRED"
    TENANT_SUSPENDED = "TENANT_SUSPENDED"
    ADDRESS_NOT_ALLOWED = "ADDRESS_NOT_ALLOWED"
    HEADER_NOT_CANONICAL = "HEADER_NOT_CANONICAL"
    TARGET_NOT_CANONICAL = "TARGET_NOT_CANONICAL"
    NO_SUCH_OPERATION = "NO_SUCH_OPERATION"
    INSUFFICIENT_SCOPE = "INSUFFICIENT_SCOPE"
    RATE_LIMITED = "RATE_LIMITED"


CODES = {
    RefusalReason.REVOKED: DecisionCode.TOKEN_REVOKED,
    RefusalReason.EXPIRED: DecisionCode.TOKEN_EXPIRED,
    RefusalReason.PAUSED: DecisionCode.TOKEN_PAUSED,
    RefusalReason.SECRET_RETIRED: DecisionCode.SECRET_RETIRED,
    RefusalReason.TENANT_SUSPENDED: DecisionCode.TENANT_SUSPENDED,
    RefusalReason.ADDRESS_NOT_ALLOWED: DecisionCode.ADDRESS_NOT_ALLOWED,
    RefusalReason.HEADER_NOT_CANONICAL: DecisionCode.HEADER_NOT_CANONICAL,
    RefusalReason.TARGET_NOT_CANONICAL: DecisionCode.TARGET_NOT_CANONICAL,
    RefusalReason.NO_SUCH_OPERATION: DecisionCode.NO_SUCH_OPERATION,
    RefusalReason.NOT_GRANTED: DecisionCode.INSUFFICIENT_SCOPE,
    RefusalReason.RATE_LIMITED: DecisionCode.RATE_LIMITED,
}
_OF_THE_SECRET = {
    DecisionCode.INVALID_TOKEN,
    DecisionCode.TOKEN_REVOKED,
    DecisionCode.TOKEN_EXPIRED,
    DecisionCode.TOKEN_PAUSED,
    DecisionCode.SECRET_RETIRED,
    DecisionCode.TENANT_SUSPENDED,
}


def status_of(code: DecisionCode | None) -> int:
    """The HTTP status that the client gets: 200 for None, as the gateway passes the request."""
    if code is None:
        return 200
    if code in _OF_THE_SECRET:
        return 401
    return 429 if code is DecisionCode.RATE_LIMITED else 403
