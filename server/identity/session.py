"""Signing in and out, and the session of a signed-in admin."""

from starlette.requests import Request
from starlette.responses import Response

from server.access import sessions
from server.access.authentication import authenticate, client_address, require_same_site
from server.access.cookies import DEVICE, SESSION
from server.access.principal import SignedInAdmin
from server.database import reaching
from server.errors import InvalidInput
from server.operations import admins, tenants
from server.service import Service
from server.web.json import JsonResponse, read_json, rfc3339, text_fields


async def sign_in(service: Service, request: Request) -> Response:
    """`POST /session`."""
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
        user_agent=request.headers.get("User-Agent", ""),
    )
    expires_at = rfc3339(signed_in.expires_at)
    if transport == "bearer":
        return JsonResponse({"session": signed_in.secret, "expiresAt": expires_at}, 201)
    response = JsonResponse({"expiresAt": expires_at}, 201)
    SESSION.give(service.settings, request, response, signed_in.secret)
    DEVICE.give(service.settings, request, response, signed_in.device)
    return response


async def who_am_i(_service: Service, _request: Request, principal: SignedInAdmin) -> Response:
    """`GET /session`."""
    tenant, admin = tenants.own(principal), admins.own(principal)
    return JsonResponse(
        {
            "tenant": {"slug": tenant.slug, "name": tenant.name},
            "admin": {"email": admin.email, "name": admin.name, "role": admin.role.value},
            "expiresAt": rfc3339(await sessions.expires_at(principal)),
        }
    )


async def sign_out(service: Service, request: Request) -> Response:
    """`DELETE /session`."""
    principal = await authenticate(service, request)
    with reaching(principal.tenant_id):
        await sessions.sign_out(principal)
    response = Response(status_code=204)
    SESSION.forget(service.settings, request, response)
    return response
