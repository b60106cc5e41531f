"""Sends checks to `/authorize` in the form of each gateway kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from server.app import App

HOST = "{slug}.api.us.example.com"


@dataclass(frozen=True)
class Gateway:
    """A gateway of one kind that calls `/authorize` in process."""

    http: httpx2.AsyncClient
    kind: str = "nginx"

    async def ask(
        self,
        secret: str | None,
        method: str = "GET",
        target: str = "/api/v1/devices",
        *,
        host: str,
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
    ) -> httpx2.Response:
        """Whether `secret` opens `method` and `target` on `host`."""
        given = headers.items() if isinstance(headers, Mapping) else headers
        sent = list(given or ())
        if secret is not None:
            sent.append(("Authorization", f"Bearer {secret}"))
        url, verb = "/authorize", "GET"
        if self.kind == "nginx":
            sent += [("X-Original-Method", method), ("X-Original-URI", target), ("Host", host)]
        elif self.kind == "envoy":
            url, verb = f"/authorize{target}", method
            sent.append(("Host", host))
        else:
            sent += [
                ("X-Forwarded-Method", method),
                ("X-Forwarded-Uri", target),
                ("X-Forwarded-Host", host),
            ]
        return await self.http.request(verb, url, headers=sent)


def gateway(app: App, kind: str = "nginx", peer: str = "127.0.0.1") -> Gateway:
    """A gateway of `kind` at the address `peer`."""
    transport: Any = httpx2.ASGITransport(app=app, client=(peer, 40000))
    return Gateway(httpx2.AsyncClient(transport=transport, base_url="http://tessera.test"), kind)
