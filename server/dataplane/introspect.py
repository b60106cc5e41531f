"""`POST /introspect` (RFC 7662): the state of a token, for services behind the gateway."""

from base64 import b64decode
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.access.introspection_clients import find_client
from server.access.principal import IntrospectionClient
from server.global_ids import encode_id
from server.operations.introspection import Introspected, introspect
from server.service import Service
from server.web.body import BadRequest, read_body
from server.web.json import JsonResponse
from server.web.log_fields import tell_in_log
from server.web.problem import problem

_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 10


def routes(service: Service) -> list[Route]:
    """`/introspect`."""

    async def endpoint(request: Request) -> Response:
        client = await _authenticated(service, request)
        if client is None:
            response = problem(401, "UNAUTHENTICATED", "A gateway's credential is needed.")
            response.headers["WWW-Authenticate"] = 'Basic realm="tessera", charset="UTF-8"'
            return response
        tell_in_log(request, gateway=str(client.credential_id))
        try:
            secret = await _token(request)
        except BadRequest as error:
            return problem(error.status, error.code, error.message)
        found = await introspect(client, service, secret)
        return JsonResponse(_shown(found) if found else {"active": False})

    return [Route("/introspect", endpoint, methods=["POST"])]


async def _authenticated(service: Service, request: Request) -> IntrospectionClient | None:
    """The client that sent it: HTTP Basic with its name (RFC 6749, section 2.3.1), or Bearer."""
    headers = request.headers.getlist("authorization")
    if len(headers) != 1:
        return None
    scheme, _, credential = headers[0].partition(" ")
    if scheme.lower() == "bearer":
        return await find_client(service, credential.strip(" "))
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = b64decode(credential.strip(" "), validate=True).decode().partition(":")
        name, secret = unquote_plus(name, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError:
        return None
    return None if "\0" in name else await find_client(service, secret, name)


async def _token(request: Request) -> str:
    types = request.headers.getlist("content-type")
    if len(types) != 1 or types[0].partition(";")[0].strip().lower() != _FORM:
        raise BadRequest(415, "UNSUPPORTED_MEDIA_TYPE", f"The content type must be {_FORM}.")
    try:
        fields = parse_qsl(
            (await read_body(request)).decode("ascii"),
            keep_blank_values=True,
            max_num_fields=_MAX_FIELDS,
            errors="strict",
        )
    except ValueError:
        raise BadRequest(400, "BAD_FORM", "The body is not a form.") from None
    tokens = [value for name, value in fields if name == "token"]
    if len(tokens) != 1:
        raise BadRequest(400, "INVALID_REQUEST", "The form must have one `token`.")
    return tokens[0]


def _shown(found: Introspected) -> dict[str, object]:
    shown: dict[str, object] = {
        "active": True,
        "token_type": "Bearer",
        "sub": encode_id("Token", found.token.id),
        "iat": int(found.token.created_at.timestamp()),
        "tenant": found.tenant.slug,
        "permissions": found.permissions,
    }
    if found.ends_at is not None:
        # Cut to the second: a cache that keeps the answer until then drops it in time.
        shown["exp"] = int(found.ends_at.timestamp())
    return shown
