"""`/token`: the routes of a token's holder, who sends the secret to this server itself.

Secrets are refused as at `/authorize`, with the same answers. Each request counts as a use of the
token without an operation. `GET` shows the token; `DELETE` revokes it; `POST /token/rotate` gives
it another secret, where an admin allows that. `POST /token/requests` asks the admins for a
permission, and `GET /token/requests` returns the decision.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from time import time
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models import RefusalReason, TokenRotation
from server.access.attempts import network_of
from server.access.authentication import client_address
from server.access.principal import Holder
from server.conditions import networks_of
from server.database import reaching
from server.dataplane import answers, originals
from server.dataplane.access_requests import AccessRequestBody, read_access_request, shown_request
from server.dataplane.answers import Answer
from server.dataplane.bearer import bearer
from server.decisions.decide import denial_of_holder
from server.decisions.holders import Presented, digests_of, find_holder
from server.decisions.log import DecisionLog
from server.decisions.rotation_requests import DEFAULT_DRAIN_SECONDS, RotationRequest
from server.errors import InvalidInput, NotFound, Refusal
from server.fair_queue import FairQueue
from server.global_ids import encode_id
from server.operations import holder as operations
from server.operations.holder import OwnToken
from server.service import Service
from server.web.body import BadRequest, read_body
from server.web.json import JsonResponse, parse_json, require_json, rfc3339
from server.web.log_fields import tell_in_log
from server.web.problem import problem, refusal_problem

# Guessing needs no lock: secrets have 256 random bits. These limits bound the work of strangers,
# so that they never take the connections of sessions and sign-ins.
_MAX_AT_ONCE, _MAX_WAITING, _MAX_WAITING_OF_A_NETWORK = 2, 200, 16
# Acts for a holder who is let in.
_Act = Callable[[Holder], Awaitable[Response]]
# Use without an operation.
_NO_OPERATION = ""


def routes(service: Service, log: DecisionLog) -> list[Route]:
    """`/token` and the routes below it."""
    door = _Door(service, log)
    return [
        Route("/token", door.answer, methods=["GET", "DELETE"]),
        Route("/token/rotate", door.answer, methods=["POST"]),
        Route("/token/requests", door.answer, methods=["GET", "POST"]),
    ]


class _Door:
    def __init__(self, service: Service, log: DecisionLog) -> None:
        self._service = service
        self._log = log
        self._queue = FairQueue(
            places=_MAX_AT_ONCE,
            max_waiting=_MAX_WAITING,
            max_of_one=_MAX_WAITING_OF_A_NETWORK,
        )

    async def answer(self, request: Request) -> Response:
        listed = request.headers.raw
        headers = originals.single(listed)
        secret = bearer(listed, headers)
        if secret is None:
            return _response(answers.NO_BEARER)
        digests = digests_of(self._service, secret)
        if not digests:
            return _response(answers.INVALID_TOKEN)
        address = client_address(self._service.settings, request)
        try:
            # Before the turn: a body that comes slowly must not take a place from others.
            act = await self._act_of(request)
            async with self._queue.turn(network_of(address)):
                found = await find_holder(digests, address)
                if found is None:
                    return _response(answers.INVALID_TOKEN)
                tenant, token = found.terms.tenant_id, found.terms.token_id
                tell_in_log(
                    request,
                    tenant=encode_id("Tenant", UUID(tenant)),
                    token=encode_id("Token", UUID(token)),
                )
                return await self._let_in(request, headers, found, address, act)
        except Refusal as refusal:
            return refusal_problem(refusal)
        except BadRequest as error:
            return problem(error.status, error.code, error.message)

    async def _let_in(
        self,
        request: Request,
        headers: Mapping[bytes, bytes],
        found: Presented,
        address: str,
        act: _Act,
    ) -> Response:
        """Act for the holder, or refuse; either is logged as a use of the token."""
        denial = denial_of_holder(found.terms, address)
        response: Response | None = None
        if denial is None:
            try:
                with reaching(found.holder.tenant_id):
                    response = await act(found.holder)
            except NotFound:  # revoked since the lookup
                denial = RefusalReason.REVOKED
            except Refusal as refusal:
                response = refusal_problem(refusal)
        self._log.note(
            found.terms.tenant_id,
            found.terms.token_id,
            request.method,
            _NO_OPERATION,
            denial,
            address,
            originals.user_agent(headers),
            request.state.request_id,
            time(),
        )
        return response or _refused(denial, request.state.request_id)

    async def _act_of(self, request: Request) -> _Act:
        """The act that the request asks for. Raises `BadRequest`, or `InvalidInput`."""
        match request.method, request.url.path:
            case "DELETE", _:
                return self._revoke
            case "POST", "/token/rotate":
                return partial(self._rotate, wanted=await _rotation_request(request))
            case "POST", _:
                return partial(self._ask, asked=await read_access_request(request))
            case _, "/token/requests":
                return self._show_requests
        return self._show

    async def _show(self, holder: Holder) -> Response:
        return JsonResponse(_shown(await operations.describe(holder, self._service)))

    async def _revoke(self, holder: Holder) -> Response:
        await operations.revoke(holder)
        return Response(status_code=204, headers={"Cache-Control": "no-store"})

    async def _rotate(self, holder: Holder, wanted: RotationRequest) -> Response:
        rotated = await operations.rotate(holder, self._service, wanted)
        return JsonResponse({"secret": rotated.secret, "hint": rotated.token.hint}, 201)

    async def _ask(self, holder: Holder, asked: AccessRequestBody) -> Response:
        made, is_new = await operations.request_access(holder, self._service, *asked)
        return JsonResponse(shown_request(made), 201 if is_new else 200)

    async def _show_requests(self, holder: Holder) -> Response:
        made = await operations.own_requests(holder)
        return JsonResponse({"requests": [shown_request(one) for one in made]})


def _shown(own: OwnToken) -> dict[str, object]:
    token = own.token
    return {
        "id": encode_id("Token", token.id),
        "name": token.name,
        "tenant": own.tenant.slug,
        "state": own.state,
        "permissions": own.permissions,
        "expiresAt": rfc3339(token.expires_at) if token.expires_at else None,
        "networks": networks_of(token.networks),
        "requestsPerHour": token.requests_per_hour,
        "holderMayRotate": bool(token.holder_may_rotate),
        "rotation": _shown_rotation(own.rotation) if own.rotation else None,
    }


def _shown_rotation(under_way: TokenRotation) -> dict[str, object]:
    ends_at, latest_by = under_way.old_secret_ends_at, under_way.latest_by
    return {
        "state": "PENDING" if under_way.picked_up_at is None else "DRAINING",
        "startedAt": rfc3339(under_way.created_at),
        "newHint": under_way.new_hint,
        "oldHint": under_way.old_hint,
        "oldSecretEndsAt": rfc3339(ends_at) if ends_at else None,
        "latestBy": rfc3339(latest_by) if latest_by else None,
    }


async def _rotation_request(request: Request) -> RotationRequest:
    """The holder's wishes: a JSON object, or an empty body for the defaults.

    Raises `BadRequest`, or `InvalidInput` that names the member.
    """
    content = await read_body(request)
    if not content:
        return RotationRequest()
    require_json(request)
    members = parse_json(content)
    if not isinstance(members, dict) or set(members) - {"idempotencyKey", "drainSeconds"}:
        raise BadRequest(
            400, "BAD_JSON", "The body may have `idempotencyKey` and `drainSeconds`, and no others."
        )
    key, drain = members.get("idempotencyKey"), members.get("drainSeconds", DEFAULT_DRAIN_SECONDS)
    if key is not None and not isinstance(key, str):
        raise InvalidInput("idempotencyKey", "`idempotencyKey` must be text.")
    if not isinstance(drain, int) or isinstance(drain, bool):
        raise InvalidInput("drainSeconds", "`drainSeconds` must be a whole number.")
    return RotationRequest(key, drain)


def _refused(denial: RefusalReason | None, request_id: str) -> Response:
    if denial is RefusalReason.ADDRESS_NOT_ALLOWED:
        return _response(
            answers.insufficient_scope(denial.value, answers.ADDRESS_NOT_ALLOWED, request_id)
        )
    return _response(answers.REFUSED_SECRETS[denial or RefusalReason.REVOKED])


def _response(answer: Answer) -> Response:
    """An answer of the wire. The request's id is written around every response."""
    response = Response(answer.body, answer.status)
    response.raw_headers = [
        (name, value) for name, value in answer.headers() if name != b"x-request-id"
    ]
    return response
