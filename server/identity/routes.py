"""The routes of sessions, invitations and passwords."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.access.authentication import authenticate
from server.access.principal import SignedInAdmin
from server.access.turns import Turns
from server.database import reaching
from server.errors import Refusal
from server.identity.invitation import accept_invitation, describe_invitation
from server.identity.password import change_password
from server.identity.session import sign_in, sign_out, who_am_i
from server.service import Service
from server.web.body import BadRequest
from server.web.problem import problem, refusal_problem

_Handler = Callable[[Service, Request], Awaitable[Response]]


def routes(service: Service, turns: Turns) -> list[Route]:
    """`/session`, `/invitation`, `/invitation/details` and `/password`."""

    # All methods of a path in one route, so that a 405 lists them all in `Allow`.
    def route(path: str, **handlers: _Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            method = "GET" if request.method == "HEAD" else request.method
            try:
                return await handlers[method](service, request)
            except Refusal as refusal:
                return refusal_problem(refusal)
            except BadRequest as error:
                return problem(error.status, error.code, error.message)

        return Route(path, endpoint, methods=list(handlers))

    return [
        route("/session", POST=sign_in, GET=_in_turn(turns, who_am_i), DELETE=sign_out),
        route("/invitation", POST=accept_invitation),
        route("/invitation/details", POST=describe_invitation),
        route("/password", PUT=change_password),
    ]


def _in_turn(
    turns: Turns, handler: Callable[[Service, Request, SignedInAdmin], Awaitable[Response]]
) -> _Handler:
    """Hands a signed-in person's request on once they may have another one under way."""

    async def handle(service: Service, request: Request) -> Response:
        principal = await authenticate(service, request)
        async with turns.turn(principal):
            with reaching(principal.tenant_id):
                return await handler(service, request, principal)

    return handle
