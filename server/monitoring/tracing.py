"""Spans, by OpenTelemetry's API: of requests, operations, checks and deliveries.

Made where the service has a tracer. Only this file names attributes. A span has methods, routes,
names of the schema, codes, and ids of tenants and requests. It never has a target, a header, a
body, an address, a name, or the text of an error.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import random
from time import time_ns
from uuid import UUID

from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.global_ids import encode_hex_id, encode_id
from server.web.log_fields import fields_for_log

SCOPE = "tessera"
OK = "OK"
# Codes of results that are faults of the service, and no refusals.
FAULTS = frozenset({"INTERNAL", "UNAVAILABLE"})
_METHOD, _ROUTE, _STATUS = "http.request.method", "http.route", "http.response.status_code"
_SCHEME, _ERROR, _KIND = "url.scheme", "error.type", "graphql.operation.type"
_REQUEST, _TENANT, _RESULT = "tessera.request.id", "tessera.tenant.id", "tessera.result.code"
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_OTHER_METHOD, _METHOD_OF_NAME = "_OTHER", "HTTP"
_CHECKS = "/authorize"
_TRACE_PARENT = "traceparent"
# Of version 00; the standard lets later ones append to it.
_MAX_TRACE_PARENT = 128
_PROPAGATOR = TraceContextTextMapPropagator()
Headers = Iterable[tuple[bytes, bytes]]


def passed_on() -> dict[str, str]:
    """The `traceparent` of the current span, for a request that it causes; none without a span."""
    return _trace_parent(get_current())


def _trace_parent(context: Context) -> dict[str, str]:
    headers: dict[str, str] = {}
    _PROPAGATOR.inject(headers, context)
    return headers


def _parent(headers: Headers) -> Context:
    """The context of a request's `traceparent` (W3C Trace Context); empty if it is malformed.

    Takes neither `tracestate` nor `baggage`: they hold texts, which would be exported.
    """
    name = _TRACE_PARENT.encode()
    found = [value for one, value in headers if one == name]
    if len(found) != 1 or len(found[0]) > _MAX_TRACE_PARENT:
        return Context()
    return _PROPAGATOR.extract({_TRACE_PARENT: found[0].decode("latin-1")}, Context())


def _known(method: str) -> tuple[str, str]:
    """The method as an attribute, and as part of a span's name: few values, of no client."""
    return (method, method) if method in _METHODS else (_OTHER_METHOD, _METHOD_OF_NAME)


class RequestSpans:
    """ASGI middleware: a span for each request, which is current while it is answered.

    It is outside all other middleware, and used only where spans are made.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, name = _known(scope["method"])
        parent = _parent(scope["headers"])
        attributes = {_METHOD: method, _SCHEME: scope.get("scheme", "http")}
        span = self._tracer.start_span(name, parent, SpanKind.SERVER, attributes)
        status = 0

        async def send_watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        current = attach(set_span_in_context(span, parent))
        try:
            await self._app(scope, receive, send_watched)
        finally:
            detach(current)
            _end_request(span, scope, name, status)


def _end_request(span: Span, scope: Scope, name: str, status: int) -> None:
    # The route's pattern: of few values, and nothing that a client has chosen.
    route = getattr(scope.get("route"), "path", None)
    if route is not None:
        span.update_name(f"{name} {route}")
        span.set_attribute(_ROUTE, route)
    request_id = scope.get("state", {}).get("request_id")
    if request_id is not None:
        span.set_attribute(_REQUEST, request_id)
    # The id of the tenant whose person or token was recognised.
    tenant = fields_for_log(scope).get("tenant")
    if tenant is not None:
        span.set_attribute(_TENANT, tenant)
    _set_status(span, status)
    span.end()


def _set_status(span: Span, status: int) -> None:
    """Note the status of an answer; 0 if there was none."""
    if status:
        span.set_attribute(_STATUS, status)
    if status >= 500:
        span.set_attribute(_ERROR, str(status))
        span.set_status(Status(StatusCode.ERROR))


@dataclass(frozen=True, slots=True)
class OperationSpans:
    """Makes the spans of one request's operations, below the request's span.

    The request's span is the current one where this is made; operations may run in another thread.
    """

    _tracer: Tracer
    _tenant: str
    _parent: Context

    @classmethod
    def of_request(cls, tracer: Tracer | None, tenant_id: UUID) -> "OperationSpans | None":
        """Those of the current request; None where no spans are made."""
        if tracer is None:
            return None
        return cls(tracer, encode_id("Tenant", tenant_id), get_current())

    def begin(self, name: str, kind: str) -> Span:
        """Begin the span of an operation: the schema's name for it, and `query` or `mutation`."""
        attributes = {_KIND: kind, _TENANT: self._tenant}
        return self._tracer.start_span(name, self._parent, SpanKind.INTERNAL, attributes)

    @staticmethod
    def end(span: Span, code: str) -> None:
        """End it. code: that of the result; `OK` unless it is a refusal or an error."""
        span.set_attribute(_RESULT, code)
        if code in FAULTS:
            span.set_attribute(_ERROR, code)
            span.set_status(Status(StatusCode.ERROR))
        span.end()


class CheckSpans:
    """Makes spans of some checks, after their answers. ratio: how many of them, from 0 to 1."""

    def __init__(self, tracer: Tracer, ratio: float) -> None:
        self._tracer = tracer
        self._ratio = ratio

    def note(
        self, method: bytes, headers: Headers, status: int, code: str, tenant: str, seconds: float
    ) -> None:
        """Make the span of a check that was answered now, or leave it out.

        Chance alone decides, and then the sampler: with a `traceparent` of its own choice a client
        would otherwise have each of its requests traced. code: of the denial, or empty. tenant: the
        id of its row, as text; empty where the secret is unknown.
        """
        if random() >= self._ratio:  # noqa: S311 - no secret
            return
        shown, name = _known(method.decode("latin-1"))
        attributes = {_METHOD: shown, _ROUTE: _CHECKS, _SCHEME: "http", _RESULT: code or OK}
        if tenant:
            attributes[_TENANT] = encode_hex_id("Tenant", tenant.replace("-", ""))
        end = time_ns()
        span = self._tracer.start_span(
            f"{name} {_CHECKS}",
            _parent(headers),
            SpanKind.SERVER,
            attributes,
            start_time=end - round(seconds * 1e9),
        )
        _set_status(span, status)
        span.end(end)


class DeliverySpan:
    """The span of one request to a webhook, which begins a trace. Makes none without a tracer."""

    def __init__(self, tracer: Tracer | None, tenant_id: UUID) -> None:
        self.headers: Mapping[str, str] = {}
        self._span: Span | None = None
        if tracer is not None:
            attributes = {_METHOD: "POST", _TENANT: encode_id("Tenant", tenant_id)}
            self._span = tracer.start_span("POST", Context(), SpanKind.CLIENT, attributes)
            self.headers = _trace_parent(set_span_in_context(self._span, Context()))

    def end(self, outcome: str, status: int | None, *, is_delivered: bool) -> None:
        """End it. outcome: of the attempt. status: of the answer, if one came."""
        span = self._span
        if span is None:
            return
        span.set_attribute(_RESULT, outcome)
        if status is not None:
            span.set_attribute(_STATUS, status)
        if not is_delivered:
            span.set_attribute(_ERROR, outcome)
            span.set_status(Status(StatusCode.ERROR))
        span.end()
