"""The answers of `/authorize`: status, headers and body of each row of the contract's table.

`/token` refuses a secret with the same ones.

The challenges are those of RFC 6750, section 3; bodies are RFC 9457; the headers of limits are
those of draft-ietf-httpapi-ratelimit-headers. Headers are written here as bytes of the response.

An unknown, a malformed and another tenant's secret get the same answer, byte for byte. A secret of
the tenant that is denied gets the denial reason.

No header value can contain a line break: the patterns of hosts, ids and permission keys exclude it.
"""

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

import orjson

from models import RefusalReason
from server.decisions.codes import DecisionCode
from server.decisions.limits import TENANT, TOKEN, Count
from server.global_ids import encode_hex_id

_WINDOW_SECONDS = 3600
# Of some 400 bytes each.
_CALLERS = 16_384
_OF = {TENANT: "", TOKEN: " of this API token"}
ADDRESS_NOT_ALLOWED = "The API token may not be used from the address of this request."


class Answer(NamedTuple):
    """The answer to a gateway. `head` are the header lines, each with its line end.

    code: why it denies; empty where it does not.
    """

    status: int
    head: bytes
    body: bytes = b""
    code: str = ""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The header lines as names and values."""
        pairs = (line.partition(b": ") for line in self.head.splitlines())
        return [(name, value) for name, _, value in pairs]


def allowed(
    tenant: str,
    token_id: str,
    permission: str,
    request_id: str,
    count: Count | None,
    expires_at: str | None = None,
) -> Answer:
    """The request may pass. The headers tell the service behind the gateway who sent it.

    token_id: the row's, as text with hyphens. expires_at: RFC 3339, in UTC.
    """
    head = (
        f"{_caller(tenant, token_id, permission)}{request_id}\r\n{_limits(count) if count else ''}"
    )
    if expires_at is not None:
        head += f"x-tessera-token-expires-at: {expires_at}\r\n"
    # Bypasses the constructor of NamedTuple, which takes three times as long.
    return tuple.__new__(Answer, (200, head.encode(), b"", ""))


def _caller(tenant: str, token_id: str, permission: str) -> str:
    """The header lines that a caller's allowed requests share, up to the request id.

    Made each time: thousands of kept ones would be read from memory that no cache of the processor
    holds, which takes longer.
    """
    token = encode_hex_id("Token", token_id.replace("-", ""))
    return (
        "cache-control: no-store\r\n"
        f"x-tessera-tenant: {tenant}\r\n"
        f"x-tessera-token: {token}\r\n"
        f"x-tessera-permission: {permission}\r\n"
        "content-length: 0\r\n"
        "x-request-id: "
    )


def request_url(public_url: str | None, token_id: str, permission: str) -> str | None:
    """The page of the console where an admin grants the permission; None without a public URL."""
    if public_url is None:
        return None
    token = encode_hex_id("Token", token_id.replace("-", ""))
    return f"{public_url}/requests?token={token}&permission={quote(permission, safe='')}"


def insufficient_scope(
    code: str,
    detail: str,
    request_id: str,
    permission: str | None = None,
    url: str | None = None,
) -> Answer:
    """Denies a live token without the permission.

    permission: the missing one, if any. url: where it can be granted, if that is known.
    """
    members: dict[str, str] = {"requestId": request_id}
    if url is not None:
        members["requestUrl"] = url
    head = 'www-authenticate: Bearer error="insufficient_scope"\r\n'
    if permission is not None:
        members["permission"] = permission
        head += f"x-tessera-permission: {permission}\r\n"
    head += f"x-request-id: {request_id}\r\n"
    return _problem(403, "Forbidden", code, detail, head, **members)


def limited(count: Count, request_id: str, *, as_forbidden: bool) -> Answer:
    """Denies a request over the limit of the tenant or of the token.

    as_forbidden: answer with status 403 and `X-Tessera-Status: 429`, for nginx: its `auth_request`
    turns a 429 into a 500 unless the configuration says how to read it.
    """
    head = (
        f"{_limits(count)}"
        f"retry-after: {count.reset_seconds}\r\n"
        "x-tessera-status: 429\r\n"
        f"x-request-id: {request_id}\r\n"
    )
    return _problem(
        403 if as_forbidden else 429,
        "Too Many Requests",
        DecisionCode.RATE_LIMITED.value,
        f"The limit of {count.limit} requests an hour{_OF[count.name]} is reached.",
        head,
        requestId=request_id,
    )


def _limits(count: Count) -> str:
    _, limit, remaining, seconds, name, looser = count
    return f"{_policy(limit, name, looser)}{remaining};t={seconds}\r\n"


# The limits of tenants and tokens repeat.
@lru_cache(_CALLERS)
def _policy(limit: int, name: str, looser: int | None) -> str:
    """The header lines of limits, up to the requests that remain."""
    policy = f'"{name}";q={limit};w={_WINDOW_SECONDS}'
    if looser is not None:
        policy += f', "{TOKEN if name == TENANT else TENANT}";q={looser};w={_WINDOW_SECONDS}'
    return f'ratelimit-policy: {policy}\r\nratelimit: "{name}";r='


def _problem(
    status: int, title: str, code: str, detail: str, more: str = "", **members: str
) -> Answer:
    """A problem (RFC 9457). `more` are additional header lines."""
    content = {"title": title, "status": status, "detail": detail, "code": code}
    body = orjson.dumps(content | members)
    head = (
        "cache-control: no-store\r\n"
        "content-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\n"
        # For gateways that pass on headers but no body.
        f"x-tessera-code: {code}\r\n{more}"
    )
    return Answer(status, head.encode(), body, code)


# Lets a CORS preflight pass. It belongs to no tenant and no token.
PREFLIGHT = Answer(200, b"cache-control: no-store\r\ncontent-length: 0\r\n")
NO_BEARER = _problem(
    401,
    "Unauthorized",
    "UNAUTHENTICATED",
    "An API token is needed.",
    "www-authenticate: Bearer\r\n",
)
INVALID_TOKEN = _problem(
    401,
    "Unauthorized",
    DecisionCode.INVALID_TOKEN.value,
    "The API token is not valid here.",
    'www-authenticate: Bearer error="invalid_token"\r\n',
)


def _invalid_token(code: DecisionCode, description: str) -> Answer:
    """Denies a secret of this tenant, and says why.

    Only a holder learns it: sending the whole secret proves possession.
    """
    return _problem(
        401,
        "Unauthorized",
        code.value,
        description,
        f'www-authenticate: Bearer error="invalid_token", error_description="{description}"\r\n',
    )


REFUSED_SECRETS = {
    RefusalReason.REVOKED: _invalid_token(DecisionCode.TOKEN_REVOKED, "The API token was revoked."),
    RefusalReason.EXPIRED: _invalid_token(DecisionCode.TOKEN_EXPIRED, "The API token has expired."),
    RefusalReason.PAUSED: _invalid_token(DecisionCode.TOKEN_PAUSED, "The API token is paused."),
    RefusalReason.SECRET_RETIRED: _invalid_token(
        DecisionCode.SECRET_RETIRED,
        "Another secret of the API token has taken the place of this one.",
    ),
    RefusalReason.TENANT_SUSPENDED: _invalid_token(
        DecisionCode.TENANT_SUSPENDED, "The organisation of the API token is suspended."
    ),
}
UNKNOWN_PEER = _problem(403, "Forbidden", "UNKNOWN_PEER", "Only configured gateways are answered.")
UNREADABLE = _problem(
    400, "Bad Request", "BAD_REQUEST", "The gateway does not say what it asks about."
)
# The answers with which `connection` ends connections, for checks and other requests alike.
MALFORMED = _problem(400, "Bad Request", "MALFORMED_REQUEST", "The request is not HTTP/1.1.")
TOO_SLOW = _problem(408, "Request Timeout", "TOO_SLOW", "The request took too long to arrive.")
BODY_TOO_LARGE = _problem(413, "Content Too Large", "BODY_TOO_LARGE", "The body is too large.")
HEADERS_TOO_LARGE = _problem(
    431,
    "Request Header Fields Too Large",
    "HEADERS_TOO_LARGE",
    "The request line and headers may have at most 32 KiB and 100 lines.",
)
UNAVAILABLE = _problem(
    503,
    "Service Unavailable",
    "UNAVAILABLE",
    "The database does not answer.",
    "retry-after: 1\r\n",
)
INTERNAL = _problem(500, "Internal Server Error", "INTERNAL", "Something went wrong.")
