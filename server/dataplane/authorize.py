"""`/authorize`: decides whether a token may make a request.

A decision depends on the tenant that the host names, the secret, the method and the path. Of
earlier requests, only the counts for rate limits matter.

This is the hot path, so it uses no coroutines: a lookup calls back.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from random import getrandbits
from time import perf_counter, time
from typing import Protocol

from starlette.types import Receive, Scope, Send

from models import RefusalReason, RotationPart, permission_fingerprint
from server import database
from server.catalogue import Permission
from server.dataplane import answers, originals
from server.dataplane.answers import Answer
from server.dataplane.bearer import bearer
from server.dataplane.originals import Check, Unreadable, raw_target
from server.decisions.codes import CODES
from server.decisions.decide import Wanted, decide, wanted_permission
from server.decisions.hosts import Hosts
from server.decisions.limits import Count, RateLimiter, rate_limiter
from server.decisions.log import DecisionLog
from server.decisions.lookup import lookup_in
from server.decisions.pick_ups import PickUps
from server.decisions.question import Question
from server.decisions.terms import WITHHELD, Terms
from server.monitoring.metrics import DECISIONS, UNEXPECTED_ERRORS
from server.monitoring.tracing import CheckSpans
from server.service import Service
from server.token_format import has_token_form
from server.web.client_address import ClientAddresses, is_within

_log = logging.getLogger("tessera.authorize")
# The decisions that show that the holder has a new secret: it passed authentication.
# An attribute of an enumeration takes as long as ten comparisons.
_NEW, _OLD = RotationPart.NEW.value, RotationPart.OLD.value
_PICKS_UP = {None, RefusalReason.NOT_GRANTED, RefusalReason.RATE_LIMITED}
_DENIAL_DETAILS = {
    RefusalReason.HEADER_NOT_CANONICAL: (
        "The name of a header has characters other than letters, digits and `-`."
    ),
    RefusalReason.TARGET_NOT_CANONICAL: "The request's target is not in canonical form.",
    RefusalReason.NO_SUCH_OPERATION: "The API has no such operation.",
    RefusalReason.ADDRESS_NOT_ALLOWED: answers.ADDRESS_NOT_ALLOWED,
}


class OpenCheck(Check, Protocol):
    """A check that waits for its answer."""

    def answered(self, answer: Answer) -> None:
        """Take the answer. Called once; must not raise."""


class Authorize:
    """Answers the checks of one kind of gateway; also an ASGI application."""

    def __init__(self, service: Service, log: DecisionLog, pick_ups: PickUps) -> None:
        settings = service.settings
        self._has_token_form = has_token_form(settings.token_brand)
        self._digest_key = service.digest_key
        self._catalogue = service.catalogue
        self._read = originals.READERS[settings.gateway]
        self._hosts = Hosts(settings.api_url)
        self._pass_preflight = settings.pass_preflight
        self._lookup = lookup_in(settings)
        self._is_peer = lru_cache(maxsize=256)(lambda peer: is_within(peer, settings.gateway_peers))
        self._ending = _Ending(
            log,
            pick_ups,
            rate_limiter(
                settings.rate_limit_url, service.worker.shared.counts if service.worker else None
            ),
            # Every kind of gateway writes X-Forwarded-For; `Forwarded` comes from the client.
            ClientAddresses(settings.trusted_proxies, trusts_peer=True),
            is_nginx=settings.gateway == "nginx",
            public_url=settings.public_url,
            spans=CheckSpans(service.tracer, settings.trace_authorize_ratio)
            if service.tracer
            else None,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        check = _OverAsgi(scope)
        self.ask(check)
        answer = await check.coming
        start = {"type": "http.response.start", "status": answer.status}
        await send({**start, "headers": answer.headers()})
        await send({"type": "http.response.body", "body": answer.body})

    def ask(self, check: OpenCheck) -> None:
        """Answer `check`, now or later. Any error becomes an answer that denies.

        The lookup asks the database after this call, so that a revocation committed before a
        request denies it.
        """
        started = perf_counter()
        try:
            decision = self._begin(check, started)
        except Exception as error:
            decision = _failure(error)
        if isinstance(decision, Answer):
            self._ending.tell(check, decision, started)
        else:
            self._lookup.find(decision.question, decision)

    @property
    def rate_limiter(self) -> RateLimiter:
        """Counts the requests that it allows."""
        return self._ending.rate_limiter

    async def open(self) -> None:
        """Connect to the database before the first request comes."""
        await self._lookup.open()

    async def close(self) -> None:
        """Close the connections. A further request would open one again."""
        self._lookup.close()
        await self._ending.rate_limiter.close()

    def _begin(self, check: OpenCheck, started: float) -> "_Decision | Answer":
        """The decision to look up for, or the answer where no lookup could change it."""
        if not self._is_peer(check.peer):
            return answers.UNKNOWN_PEER
        listed = check.headers
        headers = originals.single(listed)
        try:
            method, target, host = self._read(check, headers)
        except Unreadable:
            return answers.UNREADABLE
        secret = bearer(listed, headers)
        if secret is None:
            passes = self._pass_preflight and _is_preflight(method, headers)
            is_safe = passes and originals.are_canonical(listed, headers)
            return answers.PREFLIGHT if is_safe else answers.NO_BEARER
        tenant = self._hosts.tenant_of(host)
        if tenant is None or not self._has_token_form(secret):
            return answers.INVALID_TOKEN
        wanted = self._wanted(method, target, originals.are_canonical(listed, headers))
        slug, region = tenant
        digests = self._digest_key.digests("token", secret)
        key = wanted.key if isinstance(wanted, Permission) else ""
        question = (slug, region, digests, permission_fingerprint(key))
        return _Decision(self._ending, check, headers, method, wanted, key, question, started)

    def _wanted(self, method: str, target: str, has_canonical_headers: bool) -> Wanted:
        """The permission that the request needs, or why no permission would suffice."""
        if not has_canonical_headers:
            return RefusalReason.HEADER_NOT_CANONICAL
        return wanted_permission(self._catalogue, method, target)


class _OverAsgi:
    """A check that came over ASGI."""

    def __init__(self, scope: Scope) -> None:
        self.peer = (scope.get("client") or ("", 0))[0]
        self.method = scope["method"].encode()
        self.target = raw_target(scope["path"], scope.get("raw_path"), scope["query_string"])
        self.headers = scope["headers"]
        self.coming: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def answered(self, answer: Answer) -> None:
        if not self.coming.done():  # the gateway may have closed the connection
            self.coming.set_result(answer)


@dataclass(slots=True, frozen=True)
class _Ending:
    """The parts that a decision needs after its lookup: logs, rate limiter, addresses, settings.

    spans: None where no spans are made.
    """

    log: DecisionLog
    pick_ups: PickUps
    rate_limiter: RateLimiter
    addresses: ClientAddresses
    is_nginx: bool
    public_url: str | None
    spans: CheckSpans | None

    def tell(self, check: OpenCheck, answer: Answer, started: float, tenant_id: str = "") -> None:
        """Count the answer, and give it. tenant_id: the tenant's, once the secret is known."""
        seconds = perf_counter() - started
        DECISIONS.note(answer.status, answer.code, seconds)
        try:
            check.answered(answer)
            if self.spans is not None:
                status, code = answer.status, answer.code
                self.spans.note(check.method, check.headers, status, code, tenant_id, seconds)
        except Exception as error:
            # Do not raise: other checks of the same lookup query still wait for their answers.
            _unexpected(error)


@dataclass(slots=True, eq=False)
class _Decision:
    """The decision on one check, from its lookup to its answer."""

    _ending: _Ending
    _check: OpenCheck
    _headers: Mapping[bytes, bytes]
    _method: str
    _wanted: Wanted
    # The key of the wanted permission; empty where no permission would suffice.
    _key: str
    question: Question
    _started: float
    _terms: Terms = field(init=False)
    _address: str = field(init=False)

    def found(self, terms: Terms | None) -> None:
        """Take the lookup's result: the secret's terms, or None for a secret unknown here."""
        if terms is None:
            self._ending.tell(self._check, answers.INVALID_TOKEN, self._started)
            return
        self._terms = terms
        check, ending = self._check, self._ending
        self._address = ending.addresses.of(check.peer, check.headers, self._headers)
        denial = decide(terms, self._wanted, self._address)
        if denial is None:
            ending.rate_limiter.hit(terms, self._counted)
        else:  # the rate limiter counts no denied request
            self._end(denial, None)

    def failed(self, error: Exception) -> None:
        """Take the lookup's error."""
        self._ending.tell(self._check, _failure(error), self._started)

    def _counted(self, count: Count | None) -> None:
        self._end(RefusalReason.RATE_LIMITED if count and count[0] else None, count)

    def _end(self, denial: RefusalReason | None, count: Count | None) -> None:
        """Log the decision, and answer."""
        check, headers, ending = self._check, self._headers, self._ending
        try:
            # The id must be unique, not secret: `getrandbits` spares a system call per check.
            request_id = originals.request_id(headers) or getrandbits(128).to_bytes(16).hex()
            answer = self._answer(denial, count, request_id)
            terms, marks = self._terms, self._terms.marks
            ending.log.note(
                terms.tenant_id,
                terms.token_id,
                self._method,
                self._key,
                denial,
                self._address,
                originals.user_agent(headers),
                request_id,
                time(),
                marks is not None and _OLD in marks and terms.state is None,
            )
            if marks is not None and marks != _OLD:
                self._note_marks(marks, denial)
        except Exception as error:
            answer = _failure(error)
        ending.tell(check, answer, self._started, self._terms.tenant_id)

    def _note_marks(self, marks: str, denial: RefusalReason | None) -> None:
        """Note the use of a new secret, and of a permission that a trial withholds."""
        terms, ending, address = self._terms, self._ending, self._address
        if denial is None and WITHHELD in marks:
            user_agent = originals.user_agent(self._headers)
            ending.log.note_withheld(
                terms.tenant_id, terms.token_id, self._key, address, user_agent, time()
            )
        if _NEW in marks and denial in _PICKS_UP:
            ending.pick_ups.note(terms.tenant_id, terms.token_id, self.question[2], address)

    def _answer(self, denial: RefusalReason | None, count: Count | None, request_id: str) -> Answer:
        key = self._key
        if denial is None:
            terms = self._terms
            return answers.allowed(
                self.question[0], terms.token_id, key, request_id, count, terms.expires_at
            )
        if refused := answers.REFUSED_SECRETS.get(denial):
            return refused
        if denial is RefusalReason.RATE_LIMITED and count:
            return answers.limited(count, request_id, as_forbidden=self._ending.is_nginx)
        if denial is RefusalReason.NOT_GRANTED:
            detail = f"The API token does not hold the permission {key}."
            url = answers.request_url(self._ending.public_url, self._terms.token_id, key)
            return answers.insufficient_scope(CODES[denial].value, detail, request_id, key, url)
        detail = _DENIAL_DETAILS[denial]
        return answers.insufficient_scope(CODES[denial].value, detail, request_id)


def _failure(error: Exception) -> Answer:
    """The answer after an error. It denies: without a decision, no request passes."""
    if database.is_unavailable(error):
        return answers.UNAVAILABLE
    _unexpected(error)
    return answers.INTERNAL


def _unexpected(error: Exception) -> None:
    UNEXPECTED_ERRORS.inc()
    _log.error("unexpected error", exc_info=error)


def _is_preflight(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether this is a CORS preflight (Fetch, section 3.2.2), which carries no credential.

    Host and target do not matter: the API itself answers which origins it allows.
    """
    return bool(
        method == "OPTIONS"
        and headers.get(b"origin")
        and headers.get(b"access-control-request-method")
        and b"authorization" not in headers
    )
