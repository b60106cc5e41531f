"""JSON of every surface: bodies that are read within limits, and answers that no cache keeps."""

import re
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from server.errors import InvalidInput
from server.web.body import MAX_BODY_BYTES, BadRequest, read_body

# A parameter may be empty, as in `application/json;` (RFC 9110, section 5.6.6). Nothing is tried in
# two ways, so that no text takes more than one pass.
_JSON_TYPE = re.compile(
    r"application/json[ \t]*+"
    r'(?:;[ \t]*+(?:charset[ \t]*+=[ \t]*+(?:"utf-8"|utf-8)[ \t]*+)?+)*+',
    re.IGNORECASE,
)


class JsonResponse(Response):
    """A JSON body that no cache keeps."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200) -> None:
        super().__init__(orjson.dumps(content), status_code)
        self.headers["Cache-Control"] = "no-store"


def rfc3339(instant: datetime) -> str:
    """An instant as RFC 3339 writes it, in UTC."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def require_json(request: Request) -> None:
    """Raises `BadRequest` unless the content type is exactly JSON in UTF-8.

    Exactly, because a form of another site can send similar content types (OWASP: CSRF).
    """
    types = request.headers.getlist("content-type")
    if len(types) != 1 or not _JSON_TYPE.fullmatch(types[0].strip()):
        raise BadRequest(
            415, "UNSUPPORTED_MEDIA_TYPE", "The content type must be application/json in UTF-8."
        )


async def read_json(request: Request, limit: int = MAX_BODY_BYTES) -> Any:
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


def text_fields(value: Any, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> list[str]:
    """The named members of a JSON object, all text; a missing optional one is "".

    Raises `InvalidInput` that names a member which is missing, not text or not known.
    """
    if not isinstance(value, dict):
        raise BadRequest(400, "BAD_JSON", "The body must be a JSON object.")
    for name in value:
        if name not in required + optional:
            raise BadRequest(400, "UNKNOWN_MEMBER", "The body has an unknown member.")
    for name in required:
        if not isinstance(value.get(name), str):
            raise InvalidInput(name, f"`{name}` is required, as text.")
    for name in optional:
        if not isinstance(value.get(name, ""), str):
            raise InvalidInput(name, f"`{name}` must be text.")
    return [value.get(name, "") for name in required + optional]
