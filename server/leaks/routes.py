"""The routes of leaked secrets. The holder of a secret may end it, and needs no session for it.

`/revoke` gives the same answer for known and unknown secrets, before it looks any of them up, so
that it does not reveal which texts are secrets. `/leaks/…` verifies the reporter first.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.access.attempts import network_of, of_reports, spend
from server.access.authentication import client_address
from server.decisions.holders import digests_of
from server.errors import InvalidInput, Refusal
from server.fair_queue import FairQueue
from server.leaks.ending import Reports, end_leaked
from server.leaks.envelope import Finding, distinct, read_findings, read_signature
from server.leaks.keys import KeysUnavailable, SigningKeys, is_signed
from server.service import Service
from server.settings import LeakOrigin
from server.web.body import BadRequest, read_body
from server.web.json import JsonResponse, read_json
from server.web.problem import problem, refusal_problem

MAX_CREDENTIALS = 1_000
MAX_REQUESTS_AN_HOUR = 60
MAX_REPORT_BYTES = 1024 * 1024
# Bounds the connections to the database that strangers take at once.
_MAX_AT_ONCE, _MAX_WAITING, _MAX_WAITING_OF_A_NETWORK = 2, 200, 16
_Handler = Callable[[Request], Awaitable[Response]]


def routes(service: Service, reports: Reports) -> list[Route]:
    """`/revoke`, and `/leaks/NAME` for each origin of reports."""
    queue = FairQueue(
        places=_MAX_AT_ONCE, max_waiting=_MAX_WAITING, max_of_one=_MAX_WAITING_OF_A_NETWORK
    )
    scanners = [
        _route(f"/leaks/{origin.name}", _Scanner(service, origin, queue).answer)
        for origin in service.settings.all_leak_origins
    ]
    return [_route("/revoke", _Finder(service, reports, queue).answer), *scanners]


def _route(path: str, handler: _Handler) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except Refusal as refusal:
            return refusal_problem(refusal)
        except BadRequest as error:
            return problem(error.status, error.code, error.message)

    return Route(path, endpoint, methods=["POST"])


class _Finder:
    """`POST /revoke`, for anybody."""

    def __init__(self, service: Service, reports: Reports, queue: FairQueue) -> None:
        self._service = service
        self._reports = reports
        self._queue = queue

    async def answer(self, request: Request) -> Response:
        if request.headers.getlist("authorization"):
            return problem(403, "CREDENTIAL_NOT_WANTED", "Send this request without a credential.")
        address = client_address(self._service.settings, request)
        budget = of_reports(self._service.digest_key, address, MAX_REQUESTS_AN_HOUR)
        async with self._queue.turn(network_of(address)):
            await spend(budget)
        found = (digests_of(self._service, text) for text in await _credentials(request))
        self._reports.put([digests for digests in found if digests], address)
        return Response(status_code=202, headers={"Cache-Control": "no-store"})


async def _credentials(request: Request) -> list[str]:
    """The distinct texts of `{"credentials": [...]}`. Raises `InvalidInput` or `BadRequest`."""
    try:
        members = await read_json(request)
    except BadRequest as error:
        if error.code != "BAD_JSON":
            raise
        raise InvalidInput("credentials", error.message) from None
    texts = members.get("credentials") if isinstance(members, dict) and len(members) == 1 else None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InvalidInput("credentials", 'The body must be {"credentials": ["…"]}.')
    if not 1 <= len(texts) <= MAX_CREDENTIALS:
        raise InvalidInput("credentials", f"Send 1 to {MAX_CREDENTIALS} credentials at once.")
    return list(dict.fromkeys(texts))


class _Scanner:
    """`POST /leaks/NAME`, for one origin."""

    def __init__(self, service: Service, origin: LeakOrigin, queue: FairQueue) -> None:
        self._service = service
        self._prefix = origin.header_prefix
        self._keys = SigningKeys(origin.keys_url)
        self._queue = queue

    async def answer(self, request: Request) -> Response:
        signed = read_signature(request.headers, self._prefix)
        if signed is None:
            headers = f"{self._prefix}-Identifier and {self._prefix}-Signature"
            return problem(403, "SIGNATURE_MISSING", f"Send the headers {headers}, each once.")
        try:
            key = await self._keys.find(signed.key_id)
        except KeysUnavailable:
            return problem(503, "KEYS_UNAVAILABLE", "The keys of this origin cannot be fetched.")
        if key is None:
            return problem(403, "KEY_UNKNOWN", "This origin has no key of this identifier.")
        content = await read_body(request, MAX_REPORT_BYTES)
        # Nothing of the body is read before the signature is verified.
        if not is_signed(key, signed.signature, content):
            return problem(403, "SIGNATURE_WRONG", "The signature is not of this body.")
        findings = read_findings(content)
        address = client_address(self._service.settings, request)
        async with self._queue.turn(network_of(address)):
            return JsonResponse(await self._labelled(findings, address))

    async def _labelled(self, findings: Sequence[Finding], address: str) -> list[dict[str, Any]]:
        """End the tokens of known secrets; gives the label of each finding."""
        known = {}
        for secret, finding in distinct(findings).items():
            digests = digests_of(self._service, secret)
            known[secret] = bool(digests) and await end_leaked(
                digests, address, finding.found_at, finding.source
            )
        return [finding.labelled(is_known=known[finding.secret]) for finding in findings]
