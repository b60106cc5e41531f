"""Reads the body of a request within a limit."""

from starlette.requests import ClientDisconnect, Request

# From strangers, and from people whose session is known.
MAX_BODY_BYTES = 64 * 1024
MAX_SIGNED_IN_BODY_BYTES = 1024 * 1024


class BadRequest(Exception):
    """A request that cannot be read: its status, a code and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
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
        raise BadRequest(400, "DISCONNECTED", "The body is incomplete.") from None
    return bytes(body)


def _declared_length(request: Request) -> int:
    """The value of `Content-Length`, which the server has read as digits; 0 for chunks."""
    text = request.headers.get("content-length", "")
    return int(text[:20]) if text.isascii() and text.isdecimal() else 0


def _too_large(limit: int) -> BadRequest:
    return BadRequest(413, "BODY_TOO_LARGE", f"The body must have at most {limit} bytes.")
