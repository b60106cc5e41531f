"""Connections: limits of size, time and number, and the answers beyond them."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from server.cli import servers
from server.dataplane.connection import Limits
from server.monitoring.metrics import CONNECTIONS_ENDED
from server.service import Service
from tests.support.factories import World
from tests.support.process import LOOPBACK
from tests.support.serving import exchange, serving
from tests.support.waiting import PATIENCE_SECONDS

PATHS = ("/authorize", "/authorize/x", "/session", "/healthz", "/nowhere")
QUICK = Limits(head_seconds=0.4, body_seconds=0.4, write_seconds=0.4, linger_seconds=0.2)
_END = b"\r\n\r\n"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite alone: nothing here depends on the database."""
    return sqlite_url


def get(path: str, *lines: str | bytes) -> bytes:
    whole = [f"GET {path} HTTP/1.1", "Host: x", *lines]
    encoded = [line if isinstance(line, bytes) else line.encode() for line in whole]
    return b"\r\n".join(encoded) + _END


def problem(received: bytes) -> tuple[int, str]:
    """Status and code of the refusal that is the last answer of a connection."""
    head, _, body = received.partition(_END)
    assert b"connection: close" in head
    assert b"content-type: application/problem+json" in head
    assert body.endswith(b"<end>"), received
    content = json.loads(body.removesuffix(b"<end>"))
    assert head.startswith(b"HTTP/1.1 %d " % content["status"])
    return content["status"], content["code"]


def _status(received: bytes) -> int:
    return int(received[9:12]) if received else 0


@contextmanager
def without_log_lines(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.clear()
    caplog.set_level(logging.WARNING)
    yield
    assert [record.getMessage() for record in caplog.records] == []


def ended(reason: str) -> float:
    return float(CONNECTIONS_ENDED.labels(reason)._value.get())


# Limits of size


TOO_MUCH = {
    "one long header": [b"X: " + b"a" * 33_000],
    "many headers": [b"X-%d: a" % n for n in range(100)],
    "many equal headers": [b"X: a"] * 100,
    "headers of together too much": [b"X-%d: " % n + b"a" * 1_000 for n in range(33)],
    "a long name": [b"a" * 33_000 + b": a"],
    "200,000 headers": [b"a:"] * 200_000,
}


@pytest.mark.parametrize("path", PATHS)
async def test_header_section_is_limited(
    service: Service, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(service) as port:
        with without_log_lines(caplog):
            for name, lines in TOO_MUCH.items():
                refused = problem(await exchange(port, get(path, *lines), 5))
                assert refused == (431, "HEADERS_TOO_LARGE"), name
            for target in (f"{path}?" + "a" * 33_000, path + "/a" * 17_000):
                assert problem(await exchange(port, get(target), 5))[0] == 431
        # The largest that passes, in one piece and in several.
        largest = get(path, *(b"X-%d: a" % n for n in range(97)), b"X: " + b"a" * 31_000)
        assert b" 431 " not in await exchange(port, largest)
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        for start in range(0, len(largest), 3_000):
            writer.write(largest[start : start + 3_000])
            await asyncio.sleep(0.001)
        assert not (await reader.readuntil(_END)).startswith(b"HTTP/1.1 431")
        writer.close()


async def test_oversized_header_is_not_read_to_its_end(service: Service) -> None:
    """The server drops some megabytes of 64 MiB, so that its answer reaches the client."""
    sent = 0
    before = ended("headers too large")
    async with serving(service) as port:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"GET /healthz HTTP/1.1\r\nX: ")
        try:
            while sent < 64 * 1024 * 1024:
                writer.write(b"a" * 65_536)
                await writer.drain()
                sent += 65_536
        except ConnectionError:
            pass
        writer.close()
    assert sent < 32 * 1024 * 1024
    assert ended("headers too large") == before + 1


async def test_trailers_and_chunk_extensions_are_limited(service: Service) -> None:
    start = b"POST /session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    start += b"Content-Type: application/json\r\n\r\n"
    async with serving(service) as port:
        for rest in (
            b"1;" + b"a" * 60_000,
            b"1\r\na\r\n0\r\nX: " + b"a" * 60_000,
            b"1\r\na\r\n0\r\n" + b"X: a\r\n" * 10_000,
        ):
            assert problem(await exchange(port, start + rest, 5))[0] == 431
        assert problem(await exchange(port, b"\r\n" * 40_000, 5))[0] == 431


@pytest.mark.parametrize("path", ["/authorize", "/healthz"])
async def test_body_that_no_route_reads_is_limited(service: Service, path: str) -> None:
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n".encode()
    async with serving(service, limits=QUICK) as port:
        received = await exchange(port, head + b"a" * 9_000_000, 5)
    assert received.endswith((b"<end>", b"<reset>"))


async def test_thousands_of_pipelined_requests_are_answered_in_order(service: Service) -> None:
    times = 5_000
    async with serving(service) as port:
        received = await exchange(
            port, get("/healthz") * times + get("/x", "Connection: close"), 30
        )
    assert received.count(b"HTTP/1.1 200 OK") == times
    assert received.count(b"HTTP/1.1 404 ") == 1
    assert received.endswith(b"<end>")


# Limits of time


@pytest.mark.parametrize("path", PATHS)
async def test_incomplete_request_times_out(
    service: Service, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    post = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
    heads = [b"G", get(path)[:-2], post, post + b"Content-Length: 9\r\n"]
    bodies = [b"Content-Length: 9\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n3\r\na"]
    async with serving(service, limits=QUICK) as port, asyncio.timeout(20):
        with without_log_lines(caplog):
            for received in await asyncio.gather(*(exchange(port, head, 5) for head in heads)):
                assert problem(received) == (408, "TOO_SLOW")
            whole = (exchange(port, post + body, 5) for body in bodies)
            for received in await asyncio.gather(*whole):
                # The other routes answer without reading the body.
                assert (_status(received) == 408) == (path == "/session"), received
                assert received.endswith(b"<end>")


async def test_300_half_sent_requests_are_closed(service: Service) -> None:
    async with serving(service, limits=QUICK) as port, asyncio.timeout(20):
        half = [exchange(port, get("/session")[:-2], 10) for _ in range(300)]
        for received in await asyncio.gather(*half):
            assert problem(received) == (408, "TOO_SLOW")


async def test_slow_head_times_out_and_slow_body_does_not(
    service: Service,
) -> None:
    limits = Limits(head_seconds=1, body_seconds=1, body_bytes_per_second=10, linger_seconds=0.1)

    async def drip(port: int, head: bytes, rest: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(head)
        answer = asyncio.create_task(reader.readuntil(_END))
        for place in range(len(rest)):
            if not answer.done():
                writer.write(rest[place : place + 1])
                await asyncio.sleep(0.02)
        writer.close()
        return await answer

    post = b"POST /session HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n"
    post += b"Content-Type: application/json\r\n\r\n"
    async with serving(service, limits=limits) as port, asyncio.timeout(20):
        got = await asyncio.gather(
            drip(port, b"GET /healthz HTTP/1.1\r\nX: ", b"a" * 60),
            drip(port, post, b"{" + b" " * 59),
        )
    assert [one.split()[1] for one in got] == [b"408", b"400"]


async def test_silent_connection_is_closed(service: Service) -> None:
    async with serving(service, keep_alive_seconds=1) as port:
        assert await exchange(port, b"", 5) == b"<end>"
        assert await exchange(port, b"\r\n\r\n", 5) == b"<end>"


async def test_client_that_does_not_read_is_disconnected(service: Service) -> None:
    before = ended("not read")
    async with serving(service, limits=QUICK) as port, asyncio.timeout(30):
        _, writer = await asyncio.open_connection(LOOPBACK, port, limit=1)
        for _ in range(200):
            writer.write(get("/authorize") * 1_000)
        while ended("not read") == before:  # noqa: ASYNC110 - a counter tells nobody
            await asyncio.sleep(0.05)
        writer.transport.abort()


def test_keep_alive_is_longer_than_the_gateways() -> None:
    assert servers.KEEP_ALIVE_SECONDS == 75


async def test_longest_idle_connections_are_closed_at_the_maximum(service: Service) -> None:
    before = ended("too many")
    async with serving(service, limits=Limits(connections=20)) as port:
        idle = [await asyncio.open_connection(LOOPBACK, port) for _ in range(20)]
        for _ in range(3):
            assert b" 200 " in await exchange(port, get("/healthz", "Connection: close"))
        assert ended("too many") >= before + 1
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await idle[0][0].read() == b""
        reader, writer = idle[-1]
        writer.write(get("/healthz"))
        assert b" 200 " in await reader.readuntil(_END)
        for _, one in idle:
            one.close()


# Parsing


async def test_trailer_is_not_read_as_a_header(service: Service, world: World) -> None:
    """RFC 9110, section 6.5.1."""
    person = await world.person()
    bearer = f"Authorization: Bearer {person.session}\r\n".encode()
    async with serving(service) as port:
        for head, trailer in (
            (b"GET /session HTTP/1.1\r\nHost: x\r\n", bearer),
            (b"GET /authorize HTTP/1.1\r\nHost: x\r\n", b"X-Original-Method: GET\r\n"),
        ):
            whole = head + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n"
            inside = head + trailer + b"Connection: close\r\n\r\n"
            without = await exchange(port, whole + b"\r\n")
            assert _status(await exchange(port, whole + trailer + b"\r\n")) == _status(without)
            slowly = exchange(port, whole + trailer[:9], patience_seconds=0.5)
            assert _status(await slowly) in (_status(without), 0)
            if trailer is bearer:
                assert (_status(await exchange(port, inside)), _status(without)) == (200, 401)


async def test_upgrade_request_is_ignored(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    wish = ("Connection: Upgrade", "Upgrade: websocket")
    async with serving(service) as port:
        with without_log_lines(caplog):
            for path, status in (("/authorize", 400), ("/healthz", 200), ("/nowhere", 404)):
                received = await exchange(port, (get(path, *wish) + get(path)) * 2)
                assert received.count(b"HTTP/1.1 %d " % status) == 4
                assert not received.endswith(b"<end>")


@pytest.mark.parametrize("path", ["/authorize", "/healthz"])
async def test_body_of_an_upgrade_request_is_no_request(service: Service, path: str) -> None:
    inner = get("/nowhere")
    for framing in (f"Content-Length: {len(inner)}", "Transfer-Encoding: chunked"):
        wish = get(path, "Connection: Upgrade", "Upgrade: websocket", framing)
        async with serving(service) as port:
            received = await exchange(port, wish + inner)
            assert received.count(b"HTTP/1.1 ") == 1
            assert b"connection: close" in received
            assert b" 404 " not in received


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"\x00\x01\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nX : a\r\n\r\n",
        b"GET \xff HTTP/1.1\r\n\r\n",
        b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /session HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /session HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_malformed_request_is_refused_and_counted(
    service: Service, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    before = ended("malformed")
    async with serving(service) as port:
        with without_log_lines(caplog):
            assert problem(await exchange(port, raw, 5)) == (400, "MALFORMED_REQUEST")
    assert ended("malformed") == before + 1


@pytest.mark.parametrize("path", ["/readyz", "/authorize"])
async def test_requests_before_a_malformed_one_are_answered_first(
    service: Service, path: str
) -> None:
    async with serving(service) as port:
        received = await exchange(port, get(path) * 3 + b"nonsense\r\n\r\n" + get(path), 5)
    statuses = [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200" if path == "/readyz" else b"400"] * 3 + [b"400"]
    assert received.endswith(b"<end>")
    assert b"MALFORMED_REQUEST" in received.split(b"HTTP/1.1 ")[-1]
