"""HTTP/1.1 connections: uvicorn's protocol with limits and time-outs of our own.

Here: the limits of size and time that hold before any other code sees a request, and the answers to
clients that exceed them. Not here: answering requests, and the direct way of checks (`wire`).

uvicorn limits neither headers nor time, takes trailers for headers, and logs a line for each
malformed request. Its protocol's hooks are not public: `server.internals.uvicorn` checks them.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httptools

from server.dataplane import answers
from server.dataplane.answers import Answer
from server.internals.uvicorn import HttpToolsProtocol, RequestResponseCycle, require_protocol
from server.monitoring.metrics import CONNECTIONS_ENDED, UNEXPECTED_ERRORS
from server.shutdown import Shutdown

_log = logging.getLogger("tessera.connection")
# Input is parsed in parts of this size, so that little of an oversized request is parsed.
_PART_SIZE = 4096
# The part of a message that is being received; `_message` is None between two messages.
_HEAD, _BODY = "head", "body"
_STATUS_LINES = {
    status.value: b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()) for status in HTTPStatus
}
_REASONS = {400: "malformed", 408: "too slow", 413: "body too large", 431: "headers too large"}
# Bytes besides name and value in a header line: colon, space and line end; and besides method and
# target in a request line: spaces, version and line end.
_LINE_EXTRA, _REQUEST_LINE_EXTRA = 4, 12


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of size and time for each client, and of connections.

    head_size: bytes of request line and headers; also of trailers, and of one chunk's extensions.
    head_lines: number of headers.
    body_size: bytes of a body as sent, including the framing of its chunks. Routes have smaller
      limits: this one is for bodies that no route reads.
    head_seconds: from the first byte of a head to its last.
    body_seconds: for a body, and a second more for each `body_bytes_per_second` received.
    write_seconds: without the client reading a byte of an answer.
    linger_seconds: for reading on after a refusal. Without it, a client that is still sending would
      see a reset connection instead of the answer.
    connections: open at once. Beyond it, the connections that are idle for longest are closed.
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
    """Replaces the event with which uvicorn signals that more of a body has arrived."""

    def set(self) -> None:
        """Wake no task."""


_NO_EVENT = _NoEvent()


class Exchange(RequestResponseCycle):
    """A request and its answer without a task: the part of a cycle that uvicorn's protocol uses."""

    response_started = response_complete = disconnected = False
    more_body = True
    # Body data is ignored.
    body: Any = b""

    message_event: Any = _NO_EVENT
    _protocol: "Connection"

    def start(self) -> None:
        """Begin to answer."""
        raise NotImplementedError


class _Refusal(Exchange):
    """The last answer of a connection, sent after the answers to earlier requests."""

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
    process_end = Shutdown()
    _message: str | None = None
    # Bytes since a head began or ended or body data came; at most `head_size` and one part.
    _since_progress = 0
    # Input after a pipelined request, to be parsed once the earlier requests are answered.
    _unread = b""
    # Discard all further input.
    _discards_input = False
    _fault: Answer | None = None
    # When the wait for a complete head began; None while a request is under way.
    _waits_since: float | None = None
    _idle_timer: asyncio.TimerHandle | None = None
    # Runs while a message is incomplete.
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

    # Input

    def data_received(self, data: bytes) -> None:
        if self._discards_input:
            self._arrived_size += len(data)
            if self._arrived_size > self.limits.body_size:
                self.transport.abort()
        elif len(data) > _PART_SIZE or self._unread or self.pipeline:
            self._unread += data
            self._read_on()
        else:
            self._parse(data)

    def _read_on(self) -> None:
        """Parse the input, up to the first request that has to wait for another's answer.

        Keep the rest as bytes: parsed, a request of 20 bytes would take a hundred times its size.
        """
        data, self._unread, end = self._unread, b"", 0
        while end < len(data) and not self.pipeline:
            if self._discards_input or self.transport.is_closing():
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
            # A server may ignore an Upgrade header (RFC 9110, section 7.8).
            rest = part[upgrade.args[0] :]
            if rest and not self._discards_input:
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
        # uvicorn builds its ASGI scope here too; a check needs only these attributes.
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        # As uvicorn's, which looks for `Expect` in each header: checks do not need it.
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        # The head is at most as large as the bytes before this part, and this part.
        may_be_large = self._since_progress + _PART_SIZE > self.limits.head_size
        if len(self.headers) > self.limits.head_lines or (
            may_be_large and self._is_head_too_large()
        ):
            self._fault = answers.HEADERS_TOO_LARGE
            raise _HeadTooLarge
        self._waits_since = None
        self._since_progress = 0
        if self._arrival_timer is not None:
            self._has_arrived()
        keep_alive = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        if self.process_end.is_announced:
            keep_alive = False
        if self.parser.should_upgrade() and _announces_a_body(self.headers):
            # httptools takes this body for data of the other protocol, so that body and next
            # request cannot be distinguished (request smuggling): read nothing more.
            keep_alive, self._discards_input = False, True
        self._serve(keep_alive)
        self._message = _BODY
        # A trailer is never a header (RFC 9110, section 6.5.1).
        self.headers = _DROPPED

    def _serve(self, keep_alive: bool) -> None:
        """Answer the request whose head is complete, through uvicorn."""
        url, headers = self.url, self.headers
        expects = (b"expect", b"100-continue") in ((name, value.lower()) for name, value in headers)
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
        """Wait for the next request. One timer serves the whole connection, not one per request."""
        self._waits_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._is_idle)

    def _is_idle(self) -> None:
        self._idle_timer = None
        if self._waits_since is None:
            return  # a request is under way; `_wait` starts the timer again after it
        left = self._waits_since + self.timeout_keep_alive - self.loop.time()
        if self._message is not None:  # `_arrival_timer` times it
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
            self._await_rest()  # restart: this server paused reading, not the client
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
        """End the connection unless its client goes on reading."""
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
        """Write a complete answer."""
        status, head, body, _ = answer
        self.transport.write(
            b"%b%b%b%b\r\n%b"
            % (
                _STATUS_LINES[status],
                self.default_headers.joined(self.server_state.default_headers),
                head,
                b"" if keep_alive else b"connection: close\r\n",
                body if has_body else b"",
            )
        )

    def answered(self, exchange: Exchange) -> None:
        """Continue after an answer that was written by `write`."""
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
        """Refuse the present request, after the answers to earlier ones, and end the connection."""
        if self._discards_input or self.transport.is_closing():
            return
        CONNECTIONS_ENDED.labels(_REASONS[answer.status]).inc()
        self._discards_input, self._unread, cycle = True, b"", self.cycle
        is_answered = cycle is None or cycle.response_complete
        if self._message is _BODY and (is_answered or cycle.response_started):
            self._close()  # its answer was sent, at least in part: no second one may follow
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
        """Write the last answer, and read on for a while in case the client is still sending."""
        self._discards_input, self._arrived_size = True, 0
        self._has_arrived()
        self.write(answer, False)
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._idle_timer = self.loop.call_later(self.limits.linger_seconds, self._close)

    def _close(self) -> None:
        """Close the connection once the client has read everything written."""
        if not self.transport.is_closing():
            self.transport.close()
        if self.transport.get_write_buffer_size():
            self._await_reader()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def _make_room(self) -> None:
        """Close the connections that are idle for longest, a hundredth of all at once."""
        waiting = [
            one
            for one in self.connections
            if isinstance(one, Connection) and one._waits_since is not None and one is not self
        ]
        waiting.sort(key=lambda one: one._waits_since or 0.0)
        for one in waiting[: len(self.connections) // 100 + 1] or [self]:
            CONNECTIONS_ENDED.labels("too many").inc()
            one.transport.abort()


def limited_protocol(within: Limits, shutdown: Shutdown) -> type[asyncio.Protocol]:
    """uvicorn's protocol for HTTP/1.1 with these limits, for an application without checks.

    Raises `Misconfigured` where this version of uvicorn cannot be limited.
    """
    require_protocol()

    class Protocol(Connection):
        default_headers = DefaultHeaders()
        limits = within
        process_end = shutdown

    return Protocol


class DefaultHeaders:
    """Caches the lines of the default headers. uvicorn makes a new list of them every second."""

    def __init__(self) -> None:
        self._of: Sequence[tuple[bytes, bytes]] = ()
        self._joined = b""

    def joined(self, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """The lines of `headers`, each with its line end."""
        if headers is not self._of:
            self._of = headers
            self._joined = b"".join(b"%b: %b\r\n" % header for header in headers)
        return self._joined


class _Dropped(list[tuple[bytes, bytes]]):
    """A list that discards the headers added to it."""

    def append(self, header: tuple[bytes, bytes], /) -> None:
        """Drop a header."""


_DROPPED = _Dropped()


class _HeadTooLarge(Exception):
    """Aborts the parsing of a head that exceeds a limit."""


def _announces_a_body(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
        for name, value in headers
    )


def _malformed(error: httptools.HttpParserError) -> Answer:
    cause = error.__context__
    # The parser reports errors of its callbacks, ours among them, like errors in the request.
    if cause is not None and not isinstance(cause, httptools.HttpParserError | ValueError):
        UNEXPECTED_ERRORS.inc()
        _log.error("unexpected error", exc_info=cause)
    return answers.MALFORMED
