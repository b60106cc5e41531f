"""Shared by every HTTP surface: reading JSON within limits, and problem answers (RFC 9457)."""

import re
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from server.errors import (
    Busy,
    CrossSite,
    Forbidden,
    InvalidInput,
    NotFound,
    Refusal,
    TooManyAttempts,
    TooManyRequests,
    Unauthenticated,
    WrongPassword,
)

# From strangers, and from people whose session is known.
BODY_LIMIT = 64 * 1024
SIGNED_IN_BODY_LIMIT = 1024 * 1024
_STATUS: dict[type[Refusal], int] = {
    Unauthenticated: 401,
    WrongPassword: 401,
    Forbidden: 403,
    CrossSite: 403,
    NotFound: 404,
    InvalidInput: 422,
    TooManyAttempts: 429,
    Busy: 503,
    TooManyRequests: 429,
}
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
# A parameter may be empty, as in `application/json;` (RFC 9110, section 5.6.6). Nothing is tried in
# two ways, so that no text takes more than one pass.
_JSON_TYPE = re.compile(
    r"application/json[ \t]*+"
    r'(?:;[ \t]*+(?:charset[ \t]*+=[ \t]*+(?:"utf-8"|utf-8)[ \t]*+)?+)*+',
    re.IGNORECASE,
)


class BadRequest(Exception):
    """A request that no surface can read: its status, a code and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class JsonResponse(Response):
    """A JSON body that no cache keeps."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200) -> None:
        super().__init__(orjson.dumps(content), status_code)
        self.headers["Cache-Control"] = "no-store"


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
    if isinstance(refusal, TooManyAttempts | TooManyRequests | Busy):
        response.headers["Retry-After"] = str(refusal.retry_after_seconds)
    return response


def require_json(request: Request) -> None:
    """Raises `BadRequest` unless the content type is exactly JSON in UTF-8.

    Exactly, because a form of another site can send similar content types (OWASP: CSRF).
    """
    types = request.headers.getlist("content-type")
    if len(types) != 1 or not _JSON_TYPE.fullmatch(types[0].strip()):
        raise BadRequest(
            415, "UNSUPPORTED_MEDIA_TYPE", "The content type must be application/json in UTF-8."
        )


async def read_json(request: Request, limit: int = BODY_LIMIT) -> Any:
    """The JSON value in the body, of at most `limit` bytes. Raises `BadRequest`."""
    require_json(request)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise BadRequest(415, "UNSUPPORTED_MEDIA_TYPE", "Encoded bodies are not supported.")
    return parse_json(await read_body(request, limit))


def parse_json(body: bytes | str) -> Any:
    """The JSON value in `body`. Raises `BadRequest`, which does not quote it."""
    try:
        return orjson.loads(body)
    except ValueError:
        raise BadRequest(400, "BAD_JSON", "The body is not JSON in UTF-8.") from None


async def read_body(request: Request, limit: int = BODY_LIMIT) -> bytes:
    """The body, of at most `limit` bytes. Raises `BadRequest`."""
    if _declared_length(request) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit)
    except ClientDisconnect:
        raise BadRequest(400, "DISCONNECTED", "The body did not arrive whole.") from None
    return bytes(body)


def _declared_length(request: Request) -> int:
    """The value of `Content-Length`, which the server has read as digits; 0 for chunks."""
    text = request.headers.get("content-length", "")
    return int(text[:20]) if text.isascii() and text.isdecimal() else 0


def _too_large(limit: int) -> BadRequest:
    return BadRequest(413, "BODY_TOO_LARGE", f"The body must have at most {limit} bytes.")


def text_fields(value: Any, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> list[str]:
    """The named members of a JSON object, all text; a missing optional one is "".

    Raises `InvalidInput` that names a member which is missing, not text or not known.
    """
    if not isinstance(value, dict):
        raise BadRequest(400, "BAD_JSON", "The body must be a JSON object.")
    for name in value:
        if name not in required + optional:
            raise BadRequest(400, "UNKNOWN_MEMBER", "The body has a member that is not known.")
    for name in required:
        if not isinstance(value.get(name), str):
            raise InvalidInput(name, f"`{name}` must be given as text.")
    for name in optional:
        if not isinstance(value.get(name, ""), str):
            raise InvalidInput(name, f"`{name}` must be text.")
    return [value.get(name, "") for name in required + optional]
