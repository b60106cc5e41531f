"""Checks answered by the wire protocol, past uvicorn's ASGI cycle: same bytes, same keep-alive."""

import asyncio
import re

import pytest

import models
from server.service import Service
from tests.support.factories import World
from tests.support.process import LOOPBACK
from tests.support.serving import exchange, serving
from tests.support.waiting import PATIENCE_SECONDS

KEY = "GET /api/v1/devices"
# Parts that differ between answers.
_CHANGES = re.compile(rb"\ndate: [^\r]*|;r=\d+;t=\d+")


async def answers_to(port: int, sent: bytes) -> bytes:
    return _CHANGES.sub(b"", await exchange(port, sent))


def requests(host: str, secret: str) -> dict[str, bytes]:
    def request(start: str, *lines: str, target: str = "/api/v1/devices", body: str = "") -> bytes:
        own = [
            f"Host: {host}",
            "X-Original-Method: GET",
            f"X-Original-URI: {target}",
            "X-Request-Id: 5f0c2b9d-6f6e",
            *lines,
        ]
        return ("\r\n".join([start, *own]) + "\r\n\r\n" + body).encode()

    bearer = f"Authorization: Bearer {secret}"
    get = "GET /authorize HTTP/1.1"
    passes = request(get, bearer)
    return {
        "passes": passes,
        "under another path": request("GET /authorize/x?y=1 HTTP/1.1", bearer),
        "lacks the permission": request(get, bearer, target="/api/v1/tags"),
        "lacks a bearer": request(get),
        "not valid": request(get, "Authorization: Bearer nonsense"),
        "unreadable": b"GET /authorize HTTP/1.1\r\nHost: x\r\n\r\n",
        "head": request("HEAD /authorize HTTP/1.1"),
        "with a body": request("POST /authorize HTTP/1.1", "Content-Length: 5", body="hello"),
        "in pieces": request(
            "POST /authorize HTTP/1.1",
            bearer,
            "Transfer-Encoding: chunked",
            body="3\r\nabc\r\n0\r\n\r\n",
        ),
        "expects 100": request(
            "POST /authorize HTTP/1.1", "Expect: 100-continue", "Content-Length: 5", body="hello"
        ),
        "the last": request(get, bearer, "Connection: close"),
        "HTTP/1.0": request("GET /authorize HTTP/1.0", bearer),
        "several at once": passes * 3 + request(get, "Connection: close") + passes,
        "asks for WebSocket": request(get, bearer, "Connection: Upgrade", "Upgrade: websocket"),
        "asks for HTTP/2": request(get, bearer, "Connection: Upgrade", "Upgrade: h2c"),
    }


async def requests_of(world: World) -> dict[str, bytes]:
    """Checks of a token with one permission."""
    person = await world.person()
    slug = (await models.Tenant.get(id=person.admin.tenant_id)).slug
    secret = (await world.token(person, "t", [KEY])).secret
    return requests(f"{slug}.api.us.example.com", secret)


async def test_bytes_are_the_same_as_uvicorns(service: Service, world: World) -> None:
    sent = await requests_of(world)
    async with (
        serving(service, past_uvicorn=True) as ours,
        serving(service, past_uvicorn=False) as theirs,
    ):
        got = await asyncio.gather(*(answers_to(ours, one) for one in sent.values()))
        expected = await asyncio.gather(*(answers_to(theirs, one) for one in sent.values()))
    for name, one, other in zip(sent, got, expected, strict=True):
        assert one == other, name
        assert one.startswith(b"HTTP/1.1 "), name


async def test_thousands_of_pipelined_checks_are_answered_to_a_slow_reader(
    service: Service, world: World
) -> None:
    sent = await requests_of(world)
    times = 10_000
    async with serving(service, past_uvicorn=True) as port, asyncio.timeout(60):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        # The first check waits for the database, and all others wait for the first.
        writer.write(sent["passes"] + sent["lacks a bearer"] * times + sent["the last"])
        await asyncio.sleep(0.5)
        received = await reader.read()
        writer.close()
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert received.count(b"HTTP/1.1 401 Unauthorized\r\n") == times


async def test_idle_connection_is_closed_and_a_busy_one_is_not(
    service: Service, world: World
) -> None:
    sent = await requests_of(world)
    sent["something else"] = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

    async def keep_and_leave(port: int, last: str) -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        # From the second request to the last takes longer than the keep-alive time.
        for name in ("passes", "something else", "passes", "passes", "passes", last):
            await asyncio.sleep(1.1)
            writer.write(sent[name])
            assert (await reader.read(65_536)).startswith(b"HTTP/1.1 ")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await reader.read()
        writer.close()

    async with serving(service, past_uvicorn=True, keep_alive_seconds=4) as port:
        last = ("passes", "lacks a bearer", "something else")
        await asyncio.gather(*(keep_and_leave(port, name) for name in last))


@pytest.mark.parametrize("path", ["/healthz", "/authorized", "/nowhere"])
async def test_other_requests_take_the_asgi_path(service: Service, path: str) -> None:
    async with serving(service, past_uvicorn=True) as port:
        answer = await exchange(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200" if path == "/healthz" else b"HTTP/1.1 404")
