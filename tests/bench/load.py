"""The load: keep-alive connections, each of which sends its next request on an answer.

It compares statuses and lengths only, so that its own time does not count; `fetch` verifies the
answers beforehand.
"""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.client import HTTPResponse
from itertools import cycle
from time import perf_counter
from typing import cast

import psutil

from tests.support.process import LOOPBACK

_HEAD_END = b"\r\n\r\n"
_PATIENCE_SECONDS = 60


class WrongAnswer(Exception):
    """A server answered with another status or length, which invalidates the measurement."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The bytes of a request, and the length of its answer's body."""

    request: bytes
    answer_length: int


@dataclass(frozen=True, slots=True)
class Load:
    """The number of connections, and the seconds of each phase.

    Answers during the lead do not count. Then all answers to requests of the next `seconds` count.
    Afterwards the server rests, so that its remaining work does not burden the next one.
    """

    seconds: float
    lead_seconds: float
    rest_seconds: float
    connections: int


@dataclass(slots=True)
class Sample:
    """The result of one round with one server."""

    seconds: float
    cpu_seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds


def fetch(port: int, request: bytes, tells: Sequence[str] = ()) -> bytes:
    """The body that answers one request. Raises `WrongAnswer` for any status but 200.

    tells: texts that the answer's headers must hold.
    """
    with socket.create_connection((LOOPBACK, port), timeout=30) as connection:
        connection.sendall(request)
        response = HTTPResponse(connection)
        response.begin()
        body = response.read()
    if response.status != 200:
        raise WrongAnswer(f"{response.status}: {body[:500]!r}")
    if any(text not in str(response.headers) for text in tells):
        raise WrongAnswer(f"{tells} is missing in {response.headers}")
    return body


async def drive(
    port: int,
    pid: int,
    prepared: Sequence[Prepared],
    load: Load,
) -> Sample:
    """Keep the server busy; wait for pending requests at the end."""
    loop = asyncio.get_running_loop()
    server = psutil.Process(pid)
    begins = perf_counter() + load.lead_seconds
    run = _Run(cycle(prepared), begins, begins + load.seconds, loop.create_future())
    for _ in range(load.connections):
        await loop.create_connection(lambda: _Line(run), LOOPBACK, port)
    async with asyncio.timeout(load.lead_seconds + load.seconds + _PATIENCE_SECONDS):
        await asyncio.sleep(begins - perf_counter())
        cpu_before = _cpu_seconds(server)
        await run.over
    return Sample(perf_counter() - begins, _cpu_seconds(server) - cpu_before, run.latencies)


def _cpu_seconds(process: psutil.Process) -> float:
    """Of a server and the workers that it started."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


@dataclass(slots=True)
class _Run:
    prepared: Iterator[Prepared]
    begins: float
    ends: float
    over: asyncio.Future[None]
    latencies: list[float] = field(default_factory=list)
    open: int = 0


class _Line(asyncio.Protocol):
    """One connection: a request at a time."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._waiting = False
        self._sent_at = 0.0
        self._expected = 0
        self._head = b""
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._run.open += 1
        self._send()

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            end = self._head.find(_HEAD_END)
            if end < 0:
                return
            head = self._head[:end].lower()
            if not head.startswith(b"http/1.1 200 ") or self._length not in head:
                self._fail(self._head[:1000])
                return
            self._missing = self._expected - (len(self._head) - end - len(_HEAD_END))
        if self._missing == 0:
            self._answered()

    def connection_lost(self, error: Exception | None) -> None:
        self._run.open -= 1
        if self._waiting:
            self._fail(b"the connection broke")
        elif self._run.open == 0 and not self._run.over.done():
            self._run.over.set_result(None)

    def _send(self) -> None:
        prepared = next(self._run.prepared)
        self._waiting = True
        self._expected = prepared.answer_length
        self._length = b"content-length: %d" % prepared.answer_length
        self._sent_at = perf_counter()
        self._transport.write(prepared.request)

    def _answered(self) -> None:
        at = perf_counter()
        self._waiting = False
        self._head = b""
        run = self._run
        if at >= run.begins:
            run.latencies.append(at - self._sent_at)
        if at < run.ends:
            self._send()
        else:
            self._transport.close()

    def _fail(self, what: bytes) -> None:
        self._waiting = False
        if not self._run.over.done():
            self._run.over.set_exception(WrongAnswer(what.decode(errors="replace")))
        self._transport.abort()
