"""Invitations: looking one up, and accepting it."""

from starlette.requests import Request
from starlette.responses import Response

from server.access import open_invitations, sessions
from server.access.authentication import client_address, require_same_site
from server.access.cookies import DEVICE, SESSION
from server.errors import InvalidInput, NotFound
from server.service import Service
from server.web.json import JsonResponse, read_json, rfc3339, text_fields


async def describe_invitation(service: Service, request: Request) -> Response:
    """`POST /invitation/details`. The secret travels in the body: addresses are logged."""
    require_same_site(service.settings, request)
    (invitation,) = text_fields(await read_json(request), ("invitation",))
    try:
        described = await open_invitations.describe(
            service,
            invitation=invitation,
            address=client_address(service.settings, request),
        )
    except NotFound:
        raise _gone() from None
    tenant, admin = described.tenant, described.admin
    return JsonResponse(
        {
            "tenant": {"slug": tenant.slug, "name": tenant.name},
            "admin": {"email": admin.email, "name": admin.name},
            "expiresAt": rfc3339(described.expires_at),
        }
    )


async def accept_invitation(service: Service, request: Request) -> Response:
    """`POST /invitation`. Without a `transport`, no session begins."""
    require_same_site(service.settings, request)
    fields = text_fields(await read_json(request), ("invitation", "password"), ("transport",))
    invitation, password, transport = fields
    if transport not in {"", "cookie", "bearer"}:
        raise InvalidInput("transport", "`transport` must be cookie or bearer.")
    try:
        accepted = await sessions.accept_invitation(
            service,
            invitation=invitation,
            password=password,
            address=client_address(service.settings, request),
            device=DEVICE.read(service.settings, request) or "",
            user_agent=request.headers.get("User-Agent", ""),
            signs_in=transport != "",
        )
    except NotFound:
        raise _gone() from None
    begun = accepted.session
    if begun is None:
        response = Response(status_code=204)
    elif transport == "bearer":
        content = {"session": begun.secret, "expiresAt": rfc3339(begun.expires_at)}
        return JsonResponse(content, 201)
    else:
        response = JsonResponse({"expiresAt": rfc3339(begun.expires_at)}, 201)
        SESSION.give(service.settings, request, response, begun.secret)
    DEVICE.give(service.settings, request, response, accepted.device)
    return response


def _gone() -> InvalidInput:
    return InvalidInput(
        "invitation", "This invitation is unknown, used or expired. Ask for a new one."
    )
