"""The routes of sessions, invitations and passwords. Their work is done by `access.sessions`."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.access import sessions
from server.access.authentication import authenticate, client_address, require_same_site
from server.access.cookies import DEVICE, SESSION
from server.access.principal import SignedInAdmin
from server.access.turns import Turns
from server.errors import InvalidInput, NotFound, Refusal, Unauthenticated
from server.http import (
    SIGNED_IN_BODY_LIMIT,
    BadRequest,
    JsonResponse,
    problem,
    read_json,
    refusal_problem,
    text_fields,
)
from server.operations import admins, tenants
from server.service import Service

_Handler = Callable[[Service, Request], Awaitable[Response]]


def routes(service: Service, turns: Turns) -> list[Route]:
    """`/session`, `/invitation` and `/password`."""

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
        route("/session", POST=_sign_in, GET=_in_turn(turns, _who_am_i), DELETE=_sign_out),
        route("/invitation", POST=_accept_invitation),
        route("/password", PUT=_change_password),
    ]


def _in_turn(
    turns: Turns, handler: Callable[[Service, Request, SignedInAdmin], Awaitable[Response]]
) -> _Handler:
    """Hands a signed-in person's request on once they may have another one under way."""

    async def handle(service: Service, request: Request) -> Response:
        principal = await authenticate(service, request)
        async with turns.turn(principal):
            return await handler(service, request, principal)

    return handle


async def _sign_in(service: Service, request: Request) -> Response:
    require_same_site(service.settings, request)
    fields = text_fields(await read_json(request), ("tenant", "email", "password"), ("transport",))
    tenant, email, password, transport = fields
    if transport not in {"", "cookie", "bearer"}:
        raise InvalidInput("transport", "`transport` must be cookie or bearer.")
    signed_in = await sessions.sign_in(
        service,
        tenant=tenant,
        email=email,
        password=password,
        address=client_address(service.settings, request),
        device=DEVICE.read(service.settings, request) or "",
    )
    expires_at = rfc3339(signed_in.expires_at)
    if transport == "bearer":
        return JsonResponse({"session": signed_in.secret, "expiresAt": expires_at}, 201)
    response = JsonResponse({"expiresAt": expires_at}, 201)
    SESSION.give(service.settings, request, response, signed_in.secret)
    DEVICE.give(service.settings, request, response, signed_in.device)
    return response


async def _who_am_i(_service: Service, _request: Request, principal: SignedInAdmin) -> Response:
    tenant = await tenants.get(principal)
    admin = (await admins.find_many(principal, [principal.admin_id])).get(principal.admin_id)
    if admin is None:
        raise Unauthenticated(detail="the admin was removed while asking")
    return JsonResponse(
        {
            "tenant": {"slug": tenant.slug, "name": tenant.name},
            "admin": {"email": admin.email, "name": admin.name, "role": admin.role.value},
            "expiresAt": rfc3339(await sessions.expires_at(principal)),
        }
    )


async def _sign_out(service: Service, request: Request) -> Response:
    await sessions.sign_out(await authenticate(service, request))
    response = Response(status_code=204)
    SESSION.forget(service.settings, request, response)
    return response


async def _accept_invitation(service: Service, request: Request) -> Response:
    require_same_site(service.settings, request)
    invitation, password = text_fields(await read_json(request), ("invitation", "password"))
    try:
        device = await sessions.accept_invitation(
            service,
            invitation=invitation,
            password=password,
            address=client_address(service.settings, request),
            device=DEVICE.read(service.settings, request) or "",
        )
    except NotFound:
        raise InvalidInput(
            "invitation", "This invitation is unknown, used or expired. Ask for a new one."
        ) from None
    response = Response(status_code=204)
    DEVICE.give(service.settings, request, response, device)
    return response


async def _change_password(service: Service, request: Request) -> Response:
    principal = await authenticate(service, request)
    sent = await read_json(request, SIGNED_IN_BODY_LIMIT)
    current, new = text_fields(sent, ("currentPassword", "newPassword"))
    device = await sessions.change_password(
        service,
        principal,
        current=current,
        new=new,
        device=DEVICE.read(service.settings, request) or "",
    )
    response = Response(status_code=204)
    SESSION.forget(service.settings, request, response)
    DEVICE.give(service.settings, request, response, device)
    return response


def rfc3339(instant: datetime) -> str:
    """An instant as RFC 3339 writes it, in UTC."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
