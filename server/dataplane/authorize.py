"""`/authorize`: whether a token opens what a request asks for. Straight ASGI: it is the hot path.

A decision depends on the tenant that the host names, the secret, the method and the path, and on
nothing that came before but the tenant's count of requests.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from time import time

from starlette.types import Receive, Scope, Send

from models import RefusalReason
from server import database
from server.access.bearers import Question, bearers_of
from server.catalogue import Permission, canonical_path
from server.dataplane import answers, originals
from server.dataplane.answers import Answer
from server.dataplane.hosts import Hosts
from server.dataplane.originals import Unreadable
from server.dataplane.rate_limit import Count, rate_limit
from server.dataplane.record import Decision, Record
from server.global_ids import encode_hex_id
from server.monitoring.metrics import DECISIONS, UNEXPECTED_ERRORS
from server.service import Service
from server.settings import is_within
from server.token_format import is_token_secret

_log = logging.getLogger("tessera.authorize")


class Authorize:
    """The ASGI application of `/authorize`, for one kind of gateway."""

    def __init__(self, service: Service, record: Record) -> None:
        settings = service.settings
        self._brand = settings.token_brand
        self._digest_key = service.digest_key
        self._catalogue = service.catalogue
        self._record = record
        self._read = originals.READERS[settings.gateway]
        self._is_nginx = settings.gateway == "nginx"
        self._hosts = Hosts(settings.api_url)
        self._bearers = bearers_of(settings)
        self._rate_limit = rate_limit(settings.rate_limit_url)
        self._addresses = originals.Addresses(settings.trusted_proxies)
        self._is_peer = lru_cache(maxsize=256)(lambda peer: is_within(peer, settings.gateway_peers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = await self.answer(scope)
        start = {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        await send(start)
        await send({"type": "http.response.body", "body": answer.body})

    async def answer(self, scope: Scope) -> Answer:
        """The answer to one request; any error becomes one that lets nothing pass."""
        try:
            answer = await self._decide(scope)
        except Exception as error:
            if database.is_unavailable(error):
                answer = answers.UNAVAILABLE
            else:
                UNEXPECTED_ERRORS.inc()
                _log.error("unexpected error", exc_info=error)
                answer = answers.INTERNAL
        DECISIONS.by_status[answer.status] += 1
        return answer

    def close(self) -> None:
        """Close the connection that it asks by; another request would open one again."""
        self._bearers.close()

    async def _decide(self, scope: Scope) -> Answer:
        peer = (scope.get("client") or ("", 0))[0]
        if not self._is_peer(peer):
            return answers.UNKNOWN_PEER
        listed: list[tuple[bytes, bytes]] = scope["headers"]
        headers = originals.single(listed)
        try:
            method, target, host = self._read(scope, headers)
        except Unreadable:
            return answers.UNREADABLE
        secret = _bearer(listed, headers)
        if secret is None:
            return answers.NO_BEARER
        tenant = self._hosts.tenant_of(host)
        if tenant is None or not is_token_secret(self._brand, secret):
            return answers.INVALID_TOKEN
        path = canonical_path(target)
        permission = None if path is None else self._catalogue.match(method, path)
        key = permission.key if permission else ""
        slug, region = tenant
        digest = self._digest_key.digest("token", secret)
        bearer = await self._bearers.find(Question(slug, region, digest, key))
        if bearer is None:
            return answers.INVALID_TOKEN
        tenant_id, requests_per_hour, token_id, revoked, granted = bearer
        request_id = originals.request_id(headers) or os.urandom(16).hex()
        reason: RefusalReason | None
        if revoked or permission is None or not granted:
            answer, reason = _refused(revoked, permission, path, request_id)
        else:
            count = await self._rate_limit.hit(tenant_id, requests_per_hour)
            answer, reason = self._counted(slug, token_id, key, request_id, count)
        self._record.note(
            Decision(
                tenant_id,
                token_id,
                method,
                key,
                reason,
                self._addresses.of(peer, listed, headers),
                originals.user_agent(headers),
                request_id,
                time(),
            )
        )
        return answer

    def _counted(
        self, slug: str, token_id: str, key: str, request_id: str, count: Count | None
    ) -> tuple[Answer, RefusalReason | None]:
        """The answer to what may pass, unless the tenant is over its limit."""
        if count and count.limited:
            answer = answers.limited(count, request_id, as_forbidden=self._is_nginx)
            return answer, RefusalReason.RATE_LIMITED
        global_id = encode_hex_id("Token", token_id.replace("-", ""))
        return answers.allowed(slug, global_id, key, request_id, count), None


def _refused(
    revoked: bool, permission: Permission | None, path: str | None, request_id: str
) -> tuple[Answer, RefusalReason]:
    """Why a known token does not open what is asked for, whatever its tenant's limit."""
    if revoked:
        return answers.INVALID_TOKEN, RefusalReason.REVOKED
    if permission is None:
        return _nothing_there(path, request_id)
    detail = f"The API token does not hold the permission {permission.key}."
    answer = answers.insufficient_scope("INSUFFICIENT_SCOPE", detail, request_id, permission.key)
    return answer, RefusalReason.NOT_GRANTED


def _nothing_there(path: str | None, request_id: str) -> tuple[Answer, RefusalReason]:
    if path is None:
        detail = "The request's target is not in canonical form."
        answer = answers.insufficient_scope("TARGET_NOT_CANONICAL", detail, request_id)
        return answer, RefusalReason.TARGET_NOT_CANONICAL
    detail = "The API has no such operation."
    answer = answers.insufficient_scope("NO_SUCH_OPERATION", detail, request_id)
    return answer, RefusalReason.NO_SUCH_OPERATION


def _bearer(listed: Sequence[tuple[bytes, bytes]], headers: Mapping[bytes, bytes]) -> str | None:
    """The secret that a request presents (RFC 6750, section 2.1); None if it presents none.

    Several headers, or another form than one bearer's, are a secret that fits nothing.
    """
    value = headers.get(b"authorization")
    if value is None:
        return "" if any(name == b"authorization" for name, _ in listed) else None
    scheme, _, secret = value.partition(b" ")
    if scheme.lower() != b"bearer":
        return None
    return secret.strip(b" ").decode("latin-1")
