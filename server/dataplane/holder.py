"""`/token`: the door of a token's holder, who sends the secret to this server itself.

A holder is refused as at `/authorize`, with the same answers, and each request counts as a use of
the token without an operation. `GET` shows the token; `DELETE` revokes it.
"""

from collections.abc import Mapping
from time import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models import RefusalReason
from server.access.attempts import network_of
from server.access.authentication import client_address
from server.access.principal import Holder
from server.conditions import networks_of
from server.dataplane import answers, originals
from server.dataplane.answers import Answer
from server.dataplane.bearer import bearer
from server.decisions.decide import denial_of_holder
from server.decisions.holders import Presented, digests_of, find_holder
from server.decisions.log import DecisionLog
from server.errors import Busy, NotFound
from server.fair_queue import FairQueue
from server.global_ids import encode_id
from server.operations import holder as operations
from server.operations.holder import OwnToken
from server.service import Service
from server.web.json import JsonResponse, rfc3339
from server.web.problem import refusal_problem

# Guessing needs no lock: secrets have 256 random bits. These limits bound the work of strangers,
# so that they never take the connections of sessions and sign-ins.
_MAX_AT_ONCE, _MAX_WAITING, _MAX_WAITING_OF_A_NETWORK = 2, 200, 16
# Use without an operation.
_NO_OPERATION = ""


def routes(service: Service, log: DecisionLog) -> list[Route]:
    """`/token`."""
    return [Route("/token", _Door(service, log).answer, methods=["GET", "DELETE"])]


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
            async with self._queue.turn(network_of(address)):
                found = await find_holder(digests)
                if found is None:
                    return _response(answers.INVALID_TOKEN)
                return await self._let_in(request, headers, found, address)
        except Busy as refusal:
            return refusal_problem(refusal)

    async def _let_in(
        self, request: Request, headers: Mapping[bytes, bytes], found: Presented, address: str
    ) -> Response:
        """Act for the holder, or refuse; either is logged as a use of the token."""
        denial = denial_of_holder(found.terms, address)
        response: Response | None = None
        if denial is None:
            try:
                response = await self._act(request.method, found.holder)
            except NotFound:  # revoked since the lookup
                denial = RefusalReason.REVOKED
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

    async def _act(self, method: str, holder: Holder) -> Response:
        if method == "DELETE":
            await operations.revoke(holder)
            return Response(status_code=204, headers={"Cache-Control": "no-store"})
        return JsonResponse(_shown(await operations.describe(holder, self._service)))


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
    }


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
