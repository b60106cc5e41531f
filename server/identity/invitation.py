"""Accepting an invitation."""

from starlette.requests import Request
from starlette.responses import Response

from server.access import sessions
from server.access.authentication import client_address, require_same_site
from server.access.cookies import DEVICE
from server.errors import InvalidInput, NotFound
from server.service import Service
from server.web.json import read_json, text_fields


async def accept_invitation(service: Service, request: Request) -> Response:
    """`POST /invitation`."""
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
