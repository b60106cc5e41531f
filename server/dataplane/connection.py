"""HTTP/1.1 connections: uvicorn's protocol with limits and time-outs of our own.

Here: how much a client may send before any other code looks at it, how long it may take, and what
it is told if it takes more. Not here: what answers a request, and the short cut of checks (`wire`).

uvicorn limits neither headers nor time, takes trailers for headers, and logs a line for each
malformed request. Its protocol's hooks are not public, which is why its version is pinned.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from server.dataplane import answers
from server.dataplane.answers import Answer
from server.monitoring.metrics import CONNECTIONS_ENDED, UNEXPECTED_ERRORS

_log = logging.getLogger("tessera.connection")
# What is read is parsed in parts of this size, so that little is parsed of what is too much.
_PART_SIZE = 4096
# The part of a message that comes next; None between two messages.
_HEAD, _BODY = "head", "body"
_REASONS = {400: "malformed", 408: "too slow", 413: "body too large", 431: "headers too large"}
# Of each line of a head: colon, space and line end. Of a request line: spaces, version, line end.
_LINE_EXTRA, _REQUEST_LINE_EXTRA = 4, 12


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may send, and how long it may take.

    head_size: bytes of request line and headers; of trailers, and of one chunk's extensions, too.
    head_lines: headers.
    body_size: bytes of a body as it is sent, with the framing of its chunks. What a route takes is
      less: this is for bodies that no route reads.
    head_seconds: from the first byte of a head to its last.
    body_seconds: for a body, and a second more for each `body_bytes_per_second` that came.
    write_seconds: without any byte of an answer being taken.
    linger_seconds: for reading on after a refusal, without which a client that still sends would
      see its connection reset and not the answer.
    connections: open at once. Beyond, those that wait for longest are closed.
    """

    head_size: int = 32 * 1024
    head_lines: int = 100
    body_size: int = 2 * 1024 * 1024
    head_seconds: float = 10
    body_seconds: float = 30
    body_bytes_per_second: int = 500
    write_seconds: float = 60
    linger_seconds: float = 2
    connections: int = 10_000


class _NoEvent:
    """In place of the event by which uvicorn tells that more of a body has come."""

    def set(self) -> None:
        """Wake no task."""


_NO_EVENT = _NoEvent()


class Exchange(RequestResponseCycle):
    """A request and its answer without a task: as much of a cycle as uvicorn's protocol needs."""

    response_started = response_complete = disconnected = False
    more_body = True
    # What comes as a body is not looked at.
    body: Any = b""

    message_event: Any = _NO_EVENT
    _protocol: "Connection"

    def start(self) -> None:
        """Begin to answer."""
        raise NotImplementedError


class _Refusal(Exchange):
    """The last answer of a connection, after those to the requests before."""

    keep_alive = False

    def __init__(self, protocol: "Connection", answer: Answer) -> None:
        self._protocol = protocol
        self._answer = answer

    def start(self) -> None:
        if not (self.disconnected or self._protocol.transport.is_closing()):
            self.response_complete = True
            self._protocol.end_with(self._answer)


class Connection(HttpToolsProtocol):
    """One connection."""

    limits = Limits()
    default_headers: "DefaultHeaders"
    _message: str | None = None
    # Bytes since a head began or ended, or a body went on. Only so many may come in between.
    _since_progress = 0
    # What came after a pipelined request, to be parsed once the ones before are answered.
    _unread = b""
    # Nothing more of what comes is looked at.
    _is_deaf = False
    _fault: Answer | None = None
    # When it began to wait for a whole head, if it does.
    _waits_since: float | None = None
    _idle_timer: asyncio.TimerHandle | None = None
    # Runs while a message has begun and is not complete.
    _arrival_timer: asyncio.TimerHandle | None = None
    _arriving_since = 0.0
    _arrived_size = 0
    _write_timer: asyncio.TimerHandle | None = None
    _unsent_size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # TCP's is a Transport
        self._wait()
        if len(self.connections) > self.limits.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._idle_timer, self._arrival_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        self._unread = b""
        super().connection_lost(exc)

    # What comes

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            self._arrived_size += len(data)
            if self._arrived_size > self.limits.body_size:
                self.transport.abort()
        elif len(data) > _PART_SIZE or self._unread or self.pipeline:
            self._unread += data
            self._read_on()
        else:
            self._parse(data)

    def _read_on(self) -> None:
        """Parse what came, up to the first request that has to wait for another's answer.

        Beyond, a request of 20 bytes would be kept as objects of a hundred times that.
        """
        data, self._unread, end = self._unread, b"", 0
        while end < len(data) and not self.pipeline:
            if self._is_deaf or self.transport.is_closing():
                return
            self._parse(data[end : end + _PART_SIZE])
            end += _PART_SIZE
        if end < len(data):
            self._unread = data[end:]
            self.flow.pause_reading()

    def _resume(self) -> None:
        self._read_on()
        if not (self._unread or self.pipeline or self.transport.is_closing()):
            self.flow.resume_reading()

    def _parse(self, part: bytes) -> None:
        size = len(part)
        try:
            self.parser.feed_data(part)
        except httptools.HttpParserUpgrade as upgrade:
            # A server may ignore the wish for another protocol (RFC 9110, section 7.8).
            rest = part[upgrade.args[0] :]
            if rest and not self._is_deaf:
                self._parse(rest)
            return
        except httptools.HttpParserError as error:
            self._refuse(self._fault or _malformed(error))
            return
        self._since_progress += size
        if self._message is not None:
            self._arrived_size += size
            self._await_rest()
        if self._since_progress > self.limits.head_size + _PART_SIZE:
            self._refuse(answers.HEADERS_TOO_LARGE)

    # The parser's events

    def on_message_begin(self) -> None:
        self._message = _HEAD
        self._since_progress = 0
        # All of what uvicorn sets here that a check needs; the rest is its scope.
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        # The head has at most what came before this part, and this part.
        may_be_large = self._since_progress + _PART_SIZE > self.limits.head_size
        if len(self.headers) > self.limits.head_lines or (
            may_be_large and self._is_head_too_large()
        ):
            self._fault = answers.HEADERS_TOO_LARGE
            raise _TooMuch
        self._waits_since = None
        self._since_progress = 0
        if self._arrival_timer is not None:
            self._has_arrived()
        keep_alive = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        if self.parser.should_upgrade() and _announces_a_body(self.headers):
            # httptools takes the body of such a request for the other protocol: what follows cannot
            # be told from a request.
            keep_alive, self._is_deaf = False, True
        self._serve(keep_alive)
        self._message = _BODY
        # A trailer is never a header (RFC 9110, section 6.5.1).
        self.headers = _DROPPED

    def _serve(self, keep_alive: bool) -> None:
        """Have the request answered whose head is complete, as uvicorn does."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()
        self.cycle.keep_alive = keep_alive

    def on_body(self, body: bytes) -> None:
        self._since_progress = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._message = None
        if self._arrival_timer is not None:
            self._has_arrived()
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()

    def _should_upgrade(self) -> bool:
        return False

    def _is_head_too_large(self) -> bool:
        lines = sum(len(name) + len(value) + _LINE_EXTRA for name, value in self.headers)
        size = len(self.parser.get_method()) + len(self.url) + _REQUEST_LINE_EXTRA + lines
        return size > self.limits.head_size

    # Waiting

    def _wait(self) -> None:
        """Wait for the next request. One timer looks at the time, not one for each request."""
        self._waits_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._is_idle)

    def _is_idle(self) -> None:
        self._idle_timer = None
        if self._waits_since is None:
            return  # a request is under way, and what comes after it is timed anew
        left = self._waits_since + self.timeout_keep_alive - self.loop.time()
        if self._message is not None:  # which has a time-out of its own
            left = self.timeout_keep_alive
        if left > 0:
            self._idle_timer = self.loop.call_later(left, self._is_idle)
        else:
            self._close()

    def _await_rest(self) -> None:
        if self._arrival_timer is None:
            self._arriving_since, self._arrived_size = self.loop.time(), 0
            limits = self.limits
            seconds = limits.head_seconds if self._message is _HEAD else limits.body_seconds
            self._arrival_timer = self.loop.call_later(seconds, self._is_late)
        elif self._arrived_size > self.limits.body_size:
            self._refuse(answers.BODY_TOO_LARGE)

    def _has_arrived(self) -> None:
        if self._arrival_timer is not None:
            self._arrival_timer.cancel()
            self._arrival_timer = None

    def _is_late(self) -> None:
        self._arrival_timer = None
        if self.flow.read_paused:
            self._await_rest()  # anew: it is not the client who makes it wait
            return
        if self._message is _BODY:
            granted = self.limits.body_seconds
            granted += self._arrived_size / self.limits.body_bytes_per_second
            left = self._arriving_since + granted - self.loop.time()
            if left > 0:
                self._arrival_timer = self.loop.call_later(left, self._is_late)
                return
        self._refuse(answers.TOO_SLOW)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_timer is not None and not self.transport.is_closing():
            self._write_timer.cancel()
            self._write_timer = None

    def _await_reader(self) -> None:
        """Have the connection ended unless its client goes on reading."""
        if self._write_timer is None:
            self._unsent_size = self.transport.get_write_buffer_size()
            seconds = self.limits.write_seconds
            self._write_timer = self.loop.call_later(seconds, self._is_not_read)

    def _is_not_read(self) -> None:
        self._write_timer = None
        unsent_size = self.transport.get_write_buffer_size()
        if 0 < unsent_size < self._unsent_size:
            self._await_reader()
        elif unsent_size:
            CONNECTIONS_ENDED.labels("not read").inc()
            self.transport.abort()

    # Answers

    def write(self, answer: Answer, keep_alive: bool, has_body: bool = True) -> None:
        """Write an answer whole."""
        status, head, body = answer
        self.transport.write(
            b"%b%b%b%b\r\n%b"
            % (
                STATUS_LINE[status],
                self.default_headers.joined(self.server_state.default_headers),
                head,
                b"" if keep_alive else b"connection: close\r\n",
                body if has_body else b"",
            )
        )

    def answered(self, exchange: Exchange) -> None:
        """Go on after an answer that was written here."""
        if not exchange.keep_alive:
            self.transport.close()
            self.on_response_complete()
        elif self.pipeline or self._unread or self.flow.read_paused:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1
            self._wait()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._close()
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._wait()
        if self._unread and not self.pipeline:
            self.loop.call_soon(self._resume)
        elif not self.pipeline:
            self.flow.resume_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if isinstance(cycle, Exchange):
            # A pipelined request. Defer it: handling hundreds inline would recurse once for each.
            self.loop.call_soon(cycle.start)
        else:
            super()._start_asgi_task(cycle, app)

    # Ends

    def _refuse(self, answer: Answer) -> None:
        """Answer what will not be read, after the requests before it, and end the connection."""
        if self._is_deaf or self.transport.is_closing():
            return
        CONNECTIONS_ENDED.labels(_REASONS[answer.status]).inc()
        self._is_deaf, self._unread, cycle = True, b"", self.cycle
        is_answered = cycle is None or cycle.response_complete
        if self._message is _BODY and (is_answered or cycle.response_started):
            self._close()  # its answer is under way, or has been read
        elif is_answered:
            self.end_with(answer)
        elif self._message is _BODY and not self.pipeline:
            cycle.disconnected = True
            cycle.message_event.set()
            self.end_with(answer)
        else:
            self.cycle = _Refusal(self, answer)
            if self._message is _BODY:
                self.pipeline.popleft()
            self.pipeline.appendleft((self.cycle, self.app))

    def end_with(self, answer: Answer) -> None:
        """Write the last answer, and read on for as long as a client may still be sending."""
        self._is_deaf, self._arrived_size = True, 0
        self._has_arrived()
        self.write(answer, False)
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._idle_timer = self.loop.call_later(self.limits.linger_seconds, self._close)

    def _close(self) -> None:
        """Close the connection, once what was written is taken."""
        if not self.transport.is_closing():
            self.transport.close()
        if self.transport.get_write_buffer_size():
            self._await_reader()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def _make_room(self) -> None:
        """Close those that have waited for longest, a hundredth of all at once."""
        waiting = [
            one
            for one in self.connections
            if isinstance(one, Connection) and one._waits_since is not None and one is not self
        ]
        waiting.sort(key=lambda one: one._waits_since or 0.0)
        for one in waiting[: len(self.connections) // 100 + 1] or [self]:
            CONNECTIONS_ENDED.labels("too many").inc()
            one.transport.abort()


class DefaultHeaders:
    """The headers of every answer as lines. uvicorn makes a new list of them every second."""

    def __init__(self) -> None:
        self._of: Sequence[tuple[bytes, bytes]] = ()
        self._joined = b""

    def joined(self, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """The lines of `headers`, each with its end."""
        if headers is not self._of:
            self._of = headers
            self._joined = b"".join(b"%b: %b\r\n" % header for header in headers)
        return self._joined


class _Dropped(list[tuple[bytes, bytes]]):
    """Takes the headers that are dropped."""

    def append(self, header: tuple[bytes, bytes], /) -> None:
        """Drop a header."""


_DROPPED = _Dropped()


class _TooMuch(Exception):
    """Ends the parsing of a head that is over a limit."""


def _announces_a_body(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
        for name, value in headers
    )


def _malformed(error: httptools.HttpParserError) -> Answer:
    cause = error.__context__
    # The parser tells of an error in its callbacks, ours among them, as of one in the request.
    if cause is not None and not isinstance(cause, httptools.HttpParserError | ValueError):
        UNEXPECTED_ERRORS.inc()
        _log.error("unexpected error", exc_info=cause)
    return answers.MALFORMED
