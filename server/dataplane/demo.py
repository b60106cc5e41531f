"""A demo of the tenants' API: a gateway that calls `/authorize`, and a backend behind it."""

from dataclasses import replace
from ipaddress import ip_network

import orjson
from starlette.types import Message, Receive, Scope, Send

from server.dataplane import originals
from server.dataplane.authorize import Authorize
from server.decisions.log import DecisionLog
from server.decisions.pick_ups import PickUps
from server.service import Service
from server.web.client_address import ClientAddresses

_ANY_PEER = (ip_network("0.0.0.0/0"), ip_network("::/0"))
# The headers that a gateway sets itself, replacing the client's.
_OWN_HEADERS = {b"host", b"x-forwarded-for", b"x-request-id"}


class DemoApi:
    """An ASGI application as one tenant's API: it answers every allowed request with 200.

    It checks as Envoy would, in this process, independent of the configured kind of gateway.
    host: the host of the tenant's API, by which the tenant is found.
    """

    def __init__(self, service: Service, host: str) -> None:
        settings = service.settings
        self._addresses = ClientAddresses(settings.trusted_proxies, settings.forwarded_header)
        settings = replace(settings, gateway="envoy", gateway_peers=_ANY_PEER)
        self._log = DecisionLog()
        self._pick_ups = PickUps()
        service = replace(service, settings=settings)
        self._authorize = Authorize(service, self._log, self._pick_ups)
        self._host = host.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. A denial of `/authorize` is passed on unchanged."""
        if scope["type"] != "http":
            return
        answers: list[Message] = []

        async def keep(message: Message) -> None:
            answers.append(message)

        await self._authorize(self._asked(scope), receive, keep)
        start, body = answers
        if start["status"] == 200:
            start, body = _served(start["headers"])
        await send(start)
        await send(body)

    async def close(self) -> None:
        """Flush pick-ups and decisions and close the lookups, before the database closes."""
        await self._pick_ups.close()
        await self._log.close()
        await self._authorize.close()

    def _asked(self, scope: Scope) -> Scope:
        """The check that a gateway would send for this request."""
        peer = (scope.get("client") or ("", 0))[0]
        address = self._addresses.of(peer, scope["headers"])
        target = originals.raw_target(scope["path"], scope.get("raw_path"), b"")
        kept = [(name, value) for name, value in scope["headers"] if name not in _OWN_HEADERS]
        own = [(b"host", self._host), (b"x-forwarded-for", address.encode())]
        raw_path = originals.PREFIX.encode() + target
        return {**scope, "raw_path": raw_path, "headers": kept + own}


def _served(headers: list[tuple[bytes, bytes]]) -> tuple[Message, Message]:
    said = dict(headers)
    if b"x-tessera-token" not in said:  # a preflight: no origin is allowed
        start = {"type": "http.response.start", "status": 204, "headers": []}
        return start, {"type": "http.response.body", "body": b""}
    body = orjson.dumps(
        {
            "message": "The demo API answers: this token opens this door.",
            "tenant": said[b"x-tessera-tenant"].decode(),
            "token": said[b"x-tessera-token"].decode(),
            "permission": said[b"x-tessera-permission"].decode(),
        }
    )
    passed_on = [(n, v) for n, v in headers if n.startswith((b"ratelimit", b"x-request-id"))]
    own = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"content-length", b"%d" % len(body)),
    ]
    return (
        {"type": "http.response.start", "status": 200, "headers": own + passed_on},
        {"type": "http.response.body", "body": body},
    )
