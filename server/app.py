"""The application: every route on one page."""

from asyncio import Protocol
from collections.abc import Sequence
from functools import partial

from opentelemetry.trace import Tracer
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from server.access.authentication import is_signed_in
from server.access.turns import Turns
from server.console.routes import missing_page
from server.console.routes import routes as console_routes
from server.dataplane.authorize import Authorize
from server.dataplane.connection import Limits
from server.dataplane.holder import routes as holder_routes
from server.dataplane.introspect import routes as introspection_routes
from server.dataplane.wire import protocol_of
from server.decisions.limits import RateLimiter
from server.decisions.log import DecisionLog
from server.decisions.pick_ups import PickUps
from server.export.routes import routes as export_routes
from server.graphql.endpoint import route as graphql_route
from server.identity.routes import routes as identity_routes
from server.jobs import Deliveries, Jobs, Mails, jobs_of, outbox_lag
from server.leaks.ending import Reports
from server.leaks.routes import routes as leak_routes
from server.loop_thread import Runner, run_here
from server.middleware import Envelope, LastNet
from server.monitoring.gathering import snapshot
from server.monitoring.loop_lag import LoopWatch
from server.monitoring.routes import health_routes, metrics_route
from server.monitoring.tracing import RequestSpans
from server.service import Service
from server.settings import Settings
from server.shutdown import Shutdown
from server.web.problem import problem
from server.web.public_path import without_path

_CORS_SECONDS = 600
# A browser refuses to send any other than these and CORS's safelisted ones. Nothing here reads
# those after the second: libraries add them to each request of a page.
_CORS_HEADERS = (
    "Authorization",
    "Content-Type",
    # W3C's trace context and baggage, and Zipkin's: OpenTelemetry.
    "traceparent", "tracestate", "baggage", "b3",
    # Sentry, Datadog, New Relic, Elastic, Application Insights.
    "sentry-trace",
    "x-datadog-origin", "x-datadog-parent-id", "x-datadog-sampling-priority", "x-datadog-trace-id",
    "newrelic",
    "elastic-apm-traceparent",
    "Request-Id", "Request-Context",
    # Apollo's, Hive's and other GraphQL clients.
    "apollo-require-preflight", "apollographql-client-name", "apollographql-client-version",
    "x-apollo-operation-id", "x-apollo-operation-name",
    "graphql-client-name", "graphql-client-version", "graphql-require-preflight",
    # Wrappers of `fetch`.
    "Cache-Control", "Pragma", "X-Correlation-Id", "X-Request-Id", "X-Requested-With",
)  # fmt: skip


class App:
    """The ASGI application: `/authorize` and `/graphql` straight, everything else by the routes."""

    def __init__(self, service: Service, run: Runner) -> None:
        self._log = DecisionLog()
        self._pick_ups = PickUps()
        self._authorize = Authorize(service, self._log, self._pick_ups)
        self._jobs = Jobs(jobs_of(service.settings))
        self._deliveries = Deliveries(service)
        self._mails = Mails(service)
        self._reports = Reports()
        limiter = self._authorize.rate_limiter
        self.shutdown = Shutdown()
        turns = Turns(service.settings.max_requests_per_tenant)
        around = _middleware(service)
        # Without Starlette's error handlers and its search for a route: the endpoint needs neither.
        self._graphql = graphql_route(service, turns, run, limiter, around)
        self._routed = _routed(
            service, turns, around, self._log, self._reports, limiter, self.shutdown
        )
        self.routes = [self._graphql, *self._routed.routes]
        self._worker, self._run = service.worker, run
        self._base = service.settings.public_path
        self._lag = LoopWatch()
        # Answers at the metrics' own address, if there is one.
        self.monitoring = Starlette(
            routes=_monitoring(service, limiter, self.shutdown, is_apart=True),
            middleware=[Middleware(Envelope), Middleware(LastNet)],
            exception_handlers={HTTPException: _http_problem},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if _is_check(scope):
            await self._authorize(scope, receive, send)
            return
        scope = without_path(scope, self._base)
        if scope["type"] == "http" and scope["path"] == self._graphql.path:
            scope["route"] = self._graphql
            await self._graphql.app(scope, receive, send)
        else:
            await self._routed(scope, receive, send)

    def protocol(self, limits: Limits | None = None) -> type[Protocol]:
        """The HTTP protocol of this application, for clients that stay within `limits`."""
        return protocol_of(self._authorize, self.shutdown, limits)

    async def open(self) -> None:
        """Take the connections that checks need, before other requests take the server's last.

        Then start the background jobs.
        """
        await self._authorize.open()
        if self._worker is not None:
            self._worker.answer_others(snapshot)
        await self._lag.start("main")
        await self._run(partial(self._lag.start, "graphql"))
        self._jobs.start()
        self._deliveries.start()
        self._mails.start()

    async def close(self) -> None:
        """End the jobs, and finish waiting work. Call it before the database closes."""
        self._lag.stop()
        await self._jobs.close()
        await self._deliveries.close()
        await self._mails.close()
        await self._reports.close()
        await self._pick_ups.close()
        await self._log.close()
        await self._authorize.close()


def create_app(service: Service, run: Runner = run_here) -> App:
    """The ASGI application on a running service; GraphQL is run by `run`."""
    return App(service, run)


def _is_check(scope: Scope) -> bool:
    path = scope.get("path", "")
    return bool(path == "/authorize" or path.startswith("/authorize/"))


def _routed(
    service: Service,
    turns: Turns,
    middleware: Sequence[Middleware],
    log: DecisionLog,
    reports: Reports,
    limiter: RateLimiter,
    shutdown: Shutdown,
) -> Starlette:
    async def has_session(request: Request) -> bool:
        return await is_signed_in(service, request)

    base = service.settings.public_path
    missing = missing_page(has_session, base)

    async def refuse(request: Request, error: Exception) -> Response:
        page = await missing(request) if _is_missing(error) else None
        return page or await _http_problem(request, error)

    app = Starlette(
        routes=[
            *identity_routes(service, turns),
            *export_routes(service, turns),
            *introspection_routes(service),
            *holder_routes(service, log),
            *leak_routes(service, reports),
            *_monitoring(service, limiter, shutdown, is_apart=False),
            *console_routes(has_session, base),
        ],
        middleware=middleware,
        exception_handlers={HTTPException: refuse},
    )
    # A redirect from /graphql/ to /graphql would repeat the query string and the client's Host.
    app.router.redirect_slashes = False
    return app


def _middleware(service: Service) -> list[Middleware]:
    return [
        *_spans(service.tracer),
        Middleware(Envelope),
        *_cors(service.settings),
        Middleware(LastNet),
    ]


def _monitoring(
    service: Service, limiter: RateLimiter, shutdown: Shutdown, *, is_apart: bool
) -> list[Route]:
    """Health, and metrics where they are told: at an address of their own (`is_apart`) or not."""
    store = limiter.is_up if service.settings.rate_limit_url else None
    routes = health_routes(store, shutdown)
    if is_apart == (service.settings.metrics_address is not None):
        routes.append(metrics_route(service.worker, outbox_lag))
    return routes


def _spans(tracer: Tracer | None) -> list[Middleware]:
    return [] if tracer is None else [Middleware(RequestSpans, tracer)]


def _is_missing(error: Exception) -> bool:
    return isinstance(error, HTTPException) and error.status_code == 404


def _cors(settings: Settings) -> list[Middleware]:
    """Lets pages of the configured origins call with a person's session (OWASP, Fetch)."""
    if not settings.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=_CORS_HEADERS,
            allow_credentials=True,
            expose_headers=["X-Request-Id", "Retry-After"],
            max_age=_CORS_SECONDS,
        )
    ]


async def _http_problem(_request: Request, error: Exception) -> Response:
    """The router's own refusals: no such route, or a method that the route lacks."""
    if not isinstance(error, HTTPException):
        raise error
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(error.status_code, "BAD_REQUEST")
    response = problem(error.status_code, code, f"{error.detail}.")
    response.headers.update(error.headers or {})
    return response
