"""Middleware around every request: its id, log line and metrics, and the last error handler."""

import logging
from functools import lru_cache
from secrets import token_hex
from time import perf_counter
from typing import Any

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.database import is_unavailable
from server.monitoring.metrics import REQUEST_SECONDS, REQUESTS, UNEXPECTED_ERRORS
from server.web.log_fields import fields_for_log
from server.web.problem import problem

_log = logging.getLogger("tessera.http")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class Envelope:
    """Gives each request an id, logs and counts its answer.

    The log line names the route and never the target: query strings can hold secrets.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = token_hex(16)
        scope.setdefault("state", {})["request_id"] = request_id
        status, started = 0, perf_counter()

        async def send_enveloped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(header for header in _HEADERS if header[0] not in present),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_enveloped)
        finally:
            _note(scope, request_id, status, perf_counter() - started)


class LastNet:
    """Answers when all else fails. It is within CORS, so that allowed origins can read its answers
    too.

    An unexpected error becomes a 500, a database that is gone a 503; both carry the request's id
    and nothing else about the error.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_watched)
        except Exception as error:
            if started or scope["type"] != "http":
                raise
            await _answer(error, scope["state"]["request_id"])(scope, receive, send)


def _answer(error: Exception, request_id: str) -> ASGIApp:
    if is_unavailable(error):
        _log.error("database unavailable", extra={"request_id": request_id}, exc_info=error)
        return problem(503, "UNAVAILABLE", "The database does not answer.", requestId=request_id)
    UNEXPECTED_ERRORS.inc()
    _log.error("unexpected error", extra={"request_id": request_id}, exc_info=error)
    return problem(500, "INTERNAL", "Something went wrong.", requestId=request_id)


def _note(scope: Scope, request_id: str, status: int, seconds: float) -> None:
    route = _route(scope)
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    requests, durations = _counted(route, method, status)
    requests.inc()
    durations.observe(seconds)
    extra: dict[str, Any] = {
        "request_id": request_id,
        "method": method,
        "route": route,
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
        **fields_for_log(scope),
    }
    _log.info("request", extra=extra)


@lru_cache(maxsize=1_000)
def _counted(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """The metrics of such requests: the library takes a lock for each search of them."""
    return REQUESTS.labels(route, method, status), REQUEST_SECONDS.labels(route)


def _route(scope: Scope) -> str:
    """The route's pattern: of few values, and nothing that a client has chosen."""
    return getattr(scope.get("route"), "path", "unknown")
