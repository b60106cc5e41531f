"""`/healthz`, `/readyz` and `/metrics`."""

from asyncio import timeout
from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from server import database
from server.errors import Misconfigured
from server.monitoring.gathering import OutboxLag, exposition
from server.shutdown import Shutdown
from server.web.problem import problem
from server.workers import Worker

_ANSWER_SECONDS = 2
_OK, _DOWN, _UNKNOWN = "ok", "unavailable", "unknown"
# Whether the store of rate limits answers.
StoreCheck = Callable[[], Awaitable[bool]]


def health_routes(is_store_up: StoreCheck | None, shutdown: Shutdown) -> list[Route]:
    """`/healthz` and `/readyz`. They need no session and reveal nothing about tenants.

    is_store_up: None where rate limits need no store.
    """

    async def ready(_request: Request) -> Response:
        return await _readiness(is_store_up, shutdown)

    return [
        Route("/healthz", _alive, methods=["GET"]),
        Route("/readyz", ready, methods=["GET"]),
    ]


def metrics_route(worker: Worker | None, outbox_lag: OutboxLag) -> Route:
    """`/metrics`, of all workers, where `worker` is this one of several."""

    async def metrics(_request: Request) -> Response:
        return Response(await exposition(worker, outbox_lag), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", metrics, methods=["GET"])


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _readiness(is_store_up: StoreCheck | None, shutdown: Shutdown) -> Response:
    """Ready are instances whose database can be used, until their end is announced. Without the
    store, requests pass uncounted: an instance must not be taken from its gateways for that.
    """
    dependencies = {"database": _DOWN, "migrations": _UNKNOWN}
    if is_store_up is not None:
        dependencies["rateLimitStore"] = _OK if await is_store_up() else _DOWN
    reason = await _fault_of_database(dependencies)
    if shutdown.is_announced:
        reason = "The instance is about to end."
    if reason is not None:
        return problem(503, "UNAVAILABLE", reason, dependencies=dependencies)
    return JSONResponse({"status": "ready", "dependencies": dependencies})


async def _fault_of_database(dependencies: dict[str, str]) -> str | None:
    """Why the database cannot be used; None if it can. Notes the findings in `dependencies`."""
    try:
        async with timeout(_ANSWER_SECONDS):
            await database.ping()
            dependencies |= {"database": _OK, "migrations": _DOWN}
            await database.require_migrated()
            await database.refuse_restored()
    except Misconfigured as error:
        return str(error)
    except Exception as error:
        if not database.is_unavailable(error):
            raise
        return database.public_sentence_of(error)
    dependencies["migrations"] = _OK
    return None
