"""The answers of `/authorize`: status, headers and body of each row of the contract's table.

The challenges are those of RFC 6750, section 3; bodies are RFC 9457; the headers of limits are
those of draft-ietf-httpapi-ratelimit-headers. Whatever is wrong with a bearer, the answer is the
same, byte for byte.
"""

from typing import NamedTuple

import orjson

from server.dataplane.rate_limit import Count

HeaderList = list[tuple[bytes, bytes]]
_NO_STORE = (b"cache-control", b"no-store")
_NO_BODY = (b"content-length", b"0")
_WINDOW_SECONDS = 3600


class Answer(NamedTuple):
    """What a gateway gets."""

    status: int
    headers: HeaderList
    body: bytes = b""


def allowed(
    tenant: str, token: str, permission: str, request_id: str, count: Count | None
) -> Answer:
    """The request may pass; who passes is in the headers, for the service behind the gateway."""
    headers = [
        _NO_STORE,
        (b"x-tessera-tenant", tenant.encode()),
        (b"x-tessera-token", token.encode()),
        (b"x-tessera-permission", permission.encode()),
        (b"x-request-id", request_id.encode()),
        _NO_BODY,
    ]
    if count:
        headers += _limits(count)
    return Answer(200, headers)


def insufficient_scope(
    code: str, detail: str, request_id: str, permission: str | None = None
) -> Answer:
    """A live token that does not open this. `permission` is what it would take."""
    members: dict[str, str] = {"requestId": request_id}
    headers = [(b"www-authenticate", b'Bearer error="insufficient_scope"')]
    if permission is not None:
        members["permission"] = permission
        headers.append((b"x-tessera-permission", permission.encode()))
    headers.append((b"x-request-id", request_id.encode()))
    return _problem(403, "Forbidden", code, detail, headers, **members)


def limited(count: Count, request_id: str, *, as_forbidden: bool) -> Answer:
    """The tenant is over its limit.

    as_forbidden: with status 403 and `X-Tessera-Status: 429`, for nginx, which makes a 500 of any
    429 that it is not told how to read.
    """
    headers = [
        *_limits(count),
        (b"retry-after", b"%d" % count.reset_seconds),
        (b"x-tessera-status", b"429"),
        (b"x-request-id", request_id.encode()),
    ]
    return _problem(
        403 if as_forbidden else 429,
        "Too Many Requests",
        "RATE_LIMITED",
        f"The limit of {count.limit} requests an hour is reached.",
        headers,
        requestId=request_id,
    )


def _limits(count: Count) -> HeaderList:
    return [
        (b"ratelimit-policy", b'"hour";q=%d;w=%d' % (count.limit, _WINDOW_SECONDS)),
        (b"ratelimit", b'"hour";r=%d;t=%d' % (count.remaining, count.reset_seconds)),
    ]


def _problem(
    status: int, title: str, code: str, detail: str, headers: HeaderList, **members: str
) -> Answer:
    content = {"title": title, "status": status, "detail": detail, "code": code}
    body = orjson.dumps(content | members)
    return Answer(
        status,
        [
            _NO_STORE,
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
            # For gateways that pass on headers alone.
            (b"x-tessera-code", code.encode()),
            *headers,
        ],
        body,
    )


NO_BEARER = _problem(
    401,
    "Unauthorized",
    "UNAUTHENTICATED",
    "An API token is needed.",
    [(b"www-authenticate", b"Bearer")],
)
INVALID_TOKEN = _problem(
    401,
    "Unauthorized",
    "INVALID_TOKEN",
    "The API token is not valid here.",
    [(b"www-authenticate", b'Bearer error="invalid_token"')],
)
UNKNOWN_PEER = _problem(
    403, "Forbidden", "UNKNOWN_PEER", "Only configured gateways are answered.", []
)
UNREADABLE = _problem(
    400, "Bad Request", "BAD_REQUEST", "The gateway does not say what it asks about.", []
)
UNAVAILABLE = _problem(
    503, "Service Unavailable", "UNAVAILABLE", "The database does not answer.", []
)
INTERNAL = _problem(500, "Internal Server Error", "INTERNAL", "Something went wrong.", [])
