"""Changing the password of a signed-in admin."""

from starlette.requests import Request
from starlette.responses import Response

from server.access import sessions
from server.access.authentication import authenticate
from server.access.cookies import DEVICE, SESSION
from server.database import reaching
from server.service import Service
from server.web.body import MAX_SIGNED_IN_BODY_BYTES
from server.web.json import read_json, text_fields


async def change_password(service: Service, request: Request) -> Response:
    """`PUT /password`."""
    principal = await authenticate(service, request)
    sent = await read_json(request, MAX_SIGNED_IN_BODY_BYTES)
    current, new = text_fields(sent, ("currentPassword", "newPassword"))
    with reaching(principal.tenant_id):
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
