"""`/healthz`, `/readyz` and `/metrics`."""

from asyncio import timeout

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from server import database
from server.errors import Misconfigured
from server.monitoring.metrics import REGISTRY
from server.web.problem import problem

_ANSWER_SECONDS = 2


def routes() -> list[Route]:
    """The routes of health and metrics. They need no session and reveal nothing about tenants."""
    return [
        Route("/healthz", _alive, methods=["GET"]),
        Route("/readyz", _ready, methods=["GET"]),
        Route("/metrics", _metrics, methods=["GET"]),
    ]


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _ready(_request: Request) -> Response:
    try:
        async with timeout(_ANSWER_SECONDS):
            await database.ping()
            await database.require_migrated()
    except Misconfigured as error:
        return problem(503, "UNAVAILABLE", str(error))
    except database.ReadOnlyDatabase as error:
        return problem(503, "UNAVAILABLE", database.sentence_of(error))
    except Exception as error:
        if not database.is_unavailable(error):
            raise
        return problem(503, "UNAVAILABLE", "The database does not answer.")
    return PlainTextResponse("ok\n")


async def _metrics(_request: Request) -> Response:
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
