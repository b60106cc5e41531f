"""`/authorize`: whether a token opens what a request asks for. Straight ASGI: it is the hot path.

A decision depends on the tenant that the host names, the secret, the method and the path, and on
nothing that came before but the tenant's count of requests.
"""

import logging
import os
import time
from collections.abc import Sequence
from functools import lru_cache

from starlette.types import Receive, Scope, Send

from models import RefusalReason
from server import database
from server.access.bearers import Bearer, Question, SqliteBearers, bearers_of
from server.catalogue import Permission, canonical_path
from server.dataplane import answers, originals
from server.dataplane.answers import Answer
from server.dataplane.hosts import Hosts
from server.dataplane.originals import Original, Unreadable
from server.dataplane.rate_limit import RateLimit
from server.dataplane.record import Decision, Record
from server.global_ids import encode_id
from server.monitoring.metrics import DECISIONS, UNEXPECTED_ERRORS
from server.service import Service
from server.settings import is_within
from server.token_format import is_token_secret

_log = logging.getLogger("tessera.authorize")
_COUNTERS = {status: DECISIONS.labels(status) for status in (200, 400, 401, 403, 429, 500, 503)}
_METHOD_LENGTH = 16


class Authorize:
    """The ASGI application of `/authorize`, for one kind of gateway."""

    def __init__(self, service: Service, record: Record) -> None:
        settings = service.settings
        self._service = service
        self._record = record
        self._read = originals.READERS[settings.gateway]
        self._is_nginx = settings.gateway == "nginx"
        self._hosts = Hosts(settings.api_url)
        self._bearers = bearers_of(settings)
        self._rate_limit = RateLimit(settings.rate_limit_url)
        self._is_peer = lru_cache(maxsize=256)(lambda peer: is_within(peer, settings.gateway_peers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; any error becomes an answer that lets nothing pass."""
        try:
            answer = await self._answer(scope)
        except Exception as error:
            if database.is_unavailable(error):
                answer = answers.UNAVAILABLE
            else:
                UNEXPECTED_ERRORS.inc()
                _log.error("unexpected error", exc_info=error)
                answer = answers.INTERNAL
        _COUNTERS[answer.status].inc()
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": answer.headers,
            }
        )
        await send({"type": "http.response.body", "body": answer.body})

    def close(self) -> None:
        """Close the connection that it asks by; another request would open one again."""
        if isinstance(self._bearers, SqliteBearers):
            self._bearers.close()

    async def _answer(self, scope: Scope) -> Answer:
        peer = (scope.get("client") or ("", 0))[0]
        if not self._is_peer(peer):
            return answers.UNKNOWN_PEER
        listed: list[tuple[bytes, bytes]] = scope["headers"]
        headers = originals.single(listed)
        target = originals.raw_target(scope["path"], scope.get("raw_path"), scope["query_string"])
        try:
            original = self._read(scope["method"], target, headers)
        except Unreadable:
            return answers.UNREADABLE
        secret = _bearer(listed)
        if secret is None:
            return answers.NO_BEARER
        permission, path = self._wanted(original)
        bearer, slug = await self._find(original.host, secret, permission)
        if bearer is None:
            return answers.INVALID_TOKEN
        request_id = originals.request_id(headers) or os.urandom(16).hex()
        answer, reason = await self._decide(bearer, slug, permission, path, request_id)
        self._record.note(
            Decision(
                bearer.tenant_id,
                bearer.token_id,
                originals.shown(original.method, _METHOD_LENGTH),
                permission.key if permission else "",
                reason,
                originals.client_address(peer, listed, self._service.settings.trusted_proxies),
                originals.user_agent(headers),
                request_id,
                time.time(),
            )
        )
        return answer

    def _wanted(self, original: Original) -> tuple[Permission | None, str | None]:
        """The permission that the request takes, and its path unless that is not canonical."""
        path = canonical_path(original.target)
        if path is None:
            return None, None
        return self._service.catalogue.match(original.method, path), path

    async def _find(
        self, host: str, secret: str, permission: Permission | None
    ) -> tuple[Bearer | None, str]:
        tenant = self._hosts.tenant_of(host)
        if tenant is None or not is_token_secret(self._service.settings.token_brand, secret):
            return None, ""
        slug, region = tenant
        digest = self._service.digest_key.digest("token", secret)
        key = permission.key if permission else ""
        return await self._bearers.find(Question(slug, region, digest, key)), slug

    async def _decide(
        self,
        bearer: Bearer,
        slug: str,
        permission: Permission | None,
        path: str | None,
        request_id: str,
    ) -> tuple[Answer, RefusalReason | None]:
        if bearer.revoked:
            return answers.INVALID_TOKEN, RefusalReason.REVOKED
        if permission is None:
            return _nothing_there(path, request_id)
        if not bearer.granted:
            detail = f"The API token does not hold the permission {permission.key}."
            answer = answers.insufficient_scope(
                "INSUFFICIENT_SCOPE", detail, request_id, permission.key
            )
            return answer, RefusalReason.NOT_GRANTED
        count = await self._rate_limit.hit(bearer.tenant_id, bearer.requests_per_hour)
        if count and count.limited:
            answer = answers.limited(count, request_id, as_forbidden=self._is_nginx)
            return answer, RefusalReason.RATE_LIMITED
        token_id = encode_id("Token", bearer.token_id)
        return answers.allowed(slug, token_id, permission.key, request_id, count), None


def _nothing_there(path: str | None, request_id: str) -> tuple[Answer, RefusalReason]:
    if path is None:
        detail = "The request's target is not in canonical form."
        answer = answers.insufficient_scope("TARGET_NOT_CANONICAL", detail, request_id)
        return answer, RefusalReason.TARGET_NOT_CANONICAL
    detail = "The API has no such operation."
    answer = answers.insufficient_scope("NO_SUCH_OPERATION", detail, request_id)
    return answer, RefusalReason.NO_SUCH_OPERATION


def _bearer(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """The secret that a request presents (RFC 6750, section 2.1); None if it presents none.

    Several headers, or another form than one bearer's, are a secret that fits nothing.
    """
    found = [value for name, value in headers if name == b"authorization"]
    if not found:
        return None
    scheme, _, secret = found[0].partition(b" ")
    if len(found) > 1:
        return ""
    if scheme.lower() != b"bearer":
        return None
    return secret.strip(b" ").decode("latin-1")
