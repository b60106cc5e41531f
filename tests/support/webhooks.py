"""Receivers of webhooks, and the deliveries of one instance to them."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from threading import Thread
from typing import Any

from standardwebhooks import Webhook as Verifier

import models
from server.jobs import Deliveries
from server.operations import webhooks
from server.outbound.posting import Poster
from server.service import Service
from tests.support.factories import Person
from tests.support.process import LOOPBACK
from tests.support.tcp_server import tcp_server
from tests.support.waiting import until

NETWORKS = (ip_network("127.0.0.0/8"),)


@dataclass(frozen=True)
class Received:
    """A request as a receiver got it."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Takes requests over HTTP and answers them with `status`, after `delay_seconds`."""

    status: int = 204
    delay_seconds: float = 0
    more_headers: str = ""
    tls: ssl.SSLContext | None = None
    # Gives the status of each request instead, by the number of those before.
    answers: Callable[[int], int] | None = None
    got: list[Received] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{LOOPBACK}:{self.port}/hook"

    @property
    def types(self) -> list[str]:
        return [one.content["type"] for one in self.got]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        pairs = (one.partition(": ")[::2] for one in lines if one)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers["content-length"]))
        await asyncio.sleep(self.delay_seconds)
        status = self.answers(len(self.got)) if self.answers else self.status
        self.got.append(Received(line, headers, body))
        answer = f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n{self.more_headers}\r\n"
        writer.write(answer.encode())
        await writer.drain()

    async def has(self, count: int) -> None:
        """Wait for so many requests."""

        async def enough() -> bool:
            return len(self.got) >= count

        await until(enough)


@asynccontextmanager
async def receiving(*receivers: Receiver) -> AsyncIterator[None]:
    """Serves receivers, each at a port of its own."""
    async with AsyncExitStack() as servers:
        for receiver in receivers:
            server = tcp_server(receiver.serve, receiver.tls)
            receiver.port = await servers.enter_async_context(server)
        yield


class ThreadedReceiver:
    """A receiver in a thread of its own, for tests without an event loop."""

    def __init__(self, port: int, got: list[bytes]) -> None:
        self.url = f"http://{LOOPBACK}:{port}/hook"
        self._got = got

    def contents(self) -> bytes:
        """Every request so far, heads and bodies."""
        return b"\n".join(self._got)


@contextmanager
def listening() -> Iterator[ThreadedReceiver]:
    """A `ThreadedReceiver`, until the end of the block."""
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append(self.headers.as_bytes() + body)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield ThreadedReceiver(server.server_port, got)
        server.shutdown()
        thread.join()


@asynccontextmanager
async def delivering(
    service: Service, poster: Poster | None = None, lease_seconds: float = 60
) -> AsyncIterator[Deliveries]:
    """The deliveries of one instance, which looks often and reaches this machine."""
    deliveries = Deliveries(
        service,
        poster or Poster(NETWORKS),
        look_every_seconds=0.02,
        lease=timedelta(seconds=lease_seconds),
    )
    deliveries.start()
    try:
        yield deliveries
    finally:
        await deliveries.close()


async def hook(
    service: Service, person: Person, receiver: Receiver, events: Sequence[str] = ("*",)
) -> webhooks.CreatedWebhook:
    """A webhook of the person's tenant to a receiver."""
    return await webhooks.create(person.principal, service, url=receiver.url, wanted=events)


async def row_of(webhook: models.Webhook) -> models.Webhook:
    return await models.Webhook.get(tenant_id=webhook.tenant_id, id=webhook.id)


def verified(secret: str, received: Received) -> Any:
    """The content of a request, if the independent library accepts its signature."""
    return Verifier(secret).verify(received.body, received.headers)


async def attempts_of(webhook: models.Webhook) -> list[models.WebhookDelivery]:
    """The log of its deliveries, the oldest first."""
    of_it = models.WebhookDelivery.filter(tenant_id=webhook.tenant_id, webhook_id=webhook.id)
    return await of_it.order_by("id")


async def has_tried(webhook: models.Webhook, times: int) -> None:
    """Wait for so many attempts."""

    async def tried() -> bool:
        return len(await attempts_of(webhook)) >= times

    await until(tried)


async def make_due(webhook: models.Webhook) -> None:
    """Let its next attempt be made now."""
    own = models.Webhook.filter(tenant_id=webhook.tenant_id, id=webhook.id)
    await own.update(due_at=models.now() - timedelta(seconds=1))
