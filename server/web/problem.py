"""Problem answers (RFC 9457), of every surface but GraphQL."""

from typing import Any

import orjson
from starlette.responses import Response

from server.errors import (
    Busy,
    CrossSite,
    Forbidden,
    InvalidInput,
    NotFound,
    RateLimited,
    Refusal,
    RotationNotAllowed,
    RotationUnderWay,
    SecretAlreadyShown,
    TenantSuspended,
    TooManyAccessRequests,
    TooManyAttempts,
    TooManyRequests,
    Unauthenticated,
    WrongPassword,
)

_STATUS: dict[type[Refusal], int] = {
    Unauthenticated: 401,
    WrongPassword: 401,
    Forbidden: 403,
    CrossSite: 403,
    TenantSuspended: 403,
    NotFound: 404,
    InvalidInput: 422,
    TooManyAttempts: 429,
    Busy: 503,
    TooManyRequests: 429,
    RateLimited: 429,
    TooManyAccessRequests: 429,
    RotationNotAllowed: 403,
    RotationUnderWay: 409,
    SecretAlreadyShown: 409,
}
# These say after how many seconds to try again.
_WAITING = (TooManyAttempts, TooManyRequests, RateLimited, TooManyAccessRequests, Busy)
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def problem(status: int, code: str, detail: str, **members: Any) -> Response:
    """An RFC 9457 answer; `code` and further members are its extensions."""
    content = {"title": _TITLES[status], "status": status, "detail": detail, "code": code}
    response = Response(
        orjson.dumps(content | members), status, media_type="application/problem+json"
    )
    response.headers["Cache-Control"] = "no-store"
    if status == 503:
        response.headers["Retry-After"] = "1"
    return response


def refusal_problem(refusal: Refusal) -> Response:
    """A refusal as a problem, with the headers that its status asks for."""
    members = {"field": refusal.field} if isinstance(refusal, InvalidInput) else {}
    response = problem(_STATUS.get(type(refusal), 400), refusal.code, refusal.message, **members)
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(refusal, _WAITING):
        response.headers["Retry-After"] = str(refusal.retry_after_seconds)
    return response
