"""Checks straight from the wire and back: everything else goes uvicorn's own way.

A check is asked for every request of every tenant's API. As an ASGI scope, a task, and messages
that pass through five coroutines and two regular expressions for each header, it would take longer
than the decision does. The hooks are not public: were they gone, checks would go the usual way too.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from server.dataplane.answers import Answer
from server.dataplane.authorize import Authorize
from server.dataplane.originals import PREFIX

_PATH = PREFIX.encode()
_MORE = (_PATH + b"?", _PATH + b"/")


def protocol_of(authorize: Authorize, is_asked_on: Callable[[int], bool]) -> type[asyncio.Protocol]:
    """uvicorn's protocol for HTTP/1.1, with a short cut for the requests that are checks.

    is_asked_on: whether checks come in on a port.
    """

    class Protocol(_Protocol):
        _authorize = authorize
        _is_asked_on = staticmethod(is_asked_on)
        _defaults = _DefaultHeaders()

    return Protocol


class _Protocol(HttpToolsProtocol):
    """One connection."""

    _authorize: Authorize
    _is_asked_on: Callable[[int], bool]
    _defaults: "_DefaultHeaders"
    _idle_since: float | None = None
    _idle_timer: asyncio.TimerHandle | None = None

    def on_message_begin(self) -> None:
        self._idle_since = None
        # All of what uvicorn sets here that a check needs; the rest is its scope.
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        if not self._is_check():
            url, headers, expects = self.url, self.headers, self.expect_100_continue
            super().on_message_begin()
            self.url, self.expect_100_continue = url, expects
            self.headers.extend(headers)
            super().on_headers_complete()
            return
        before, self.cycle = self.cycle, _Exchange(self, self._authorize, self._defaults)
        if before is None or before.response_complete:
            self.cycle.start()
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _is_check(self) -> bool:
        url = self.url
        return (
            (url == _PATH or (url.startswith(_MORE) and b"#" not in url))
            and self._is_asked_on((self.server and self.server[1]) or 0)
            and not self.parser.should_upgrade()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        super().connection_lost(exc)

    def answered(self) -> None:
        """A check is answered: the connection waits for the next request."""
        if self.pipeline or self.flow.read_paused:
            self.on_response_complete()
            return
        self.server_state.total_requests += 1
        # One timer that looks at the time, instead of one for each request.
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._idled)

    def _idled(self) -> None:
        self._idle_timer = None
        if self._idle_since is None:
            return  # a request is under way, and what comes after it is timed anew
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._idle_timer = self.loop.call_later(left, self._idled)
        else:
            self.timeout_keep_alive_handler()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if isinstance(cycle, _Exchange):
            # It was sent before the answer to the one before it. Not at once: of hundreds that
            # were, each would be answered within the answering of another.
            self.loop.call_soon(cycle.start)
        else:
            super()._start_asgi_task(cycle, app)


class _Exchange(RequestResponseCycle):
    """A check and its answer: as much of uvicorn's cycle as its protocol looks at."""

    response_complete = disconnected = False
    more_body = True
    # What a gateway sends along is not looked at.
    body: Any = b""

    def __init__(
        self, protocol: _Protocol, authorize: Authorize, defaults: "_DefaultHeaders"
    ) -> None:
        parser = protocol.parser
        self.message_event: Any = _NOBODY_WAITS
        self.keep_alive = parser.should_keep_alive() and parser.get_http_version() != "1.0"
        self.peer = protocol.client[0] if protocol.client else ""
        self.method = parser.get_method()
        self.target = protocol.url
        self.headers = protocol.headers
        self._protocol = protocol
        self._authorize = authorize
        self._defaults = defaults

    def start(self) -> None:
        """Ask whether it may pass."""
        self._authorize.ask(self)

    def answered(self, answer: Answer) -> None:
        """Write the answer."""
        protocol = self._protocol
        if protocol.flow.write_paused:
            # A client that does not read makes nothing pile up.
            task = protocol.loop.create_task(self._write_later(answer))
            protocol.tasks.add(task)
            task.add_done_callback(protocol.tasks.discard)
        else:
            self._write(answer)

    async def _write_later(self, answer: Answer) -> None:
        await self._protocol.flow.drain()
        self._write(answer)

    def _write(self, answer: Answer) -> None:
        protocol = self._protocol
        del self._protocol  # which holds on to this
        transport = protocol.transport
        # The client may have gone while it was decided, or sent what ends the connection.
        if self.disconnected or transport.is_closing():
            return
        status, head, body = answer
        transport.write(
            b"%b%b%b%b\r\n%b"
            % (
                STATUS_LINE[status],
                self._defaults.joined(protocol.server_state.default_headers),
                head,
                b"" if self.keep_alive else b"connection: close\r\n",
                b"" if self.method == b"HEAD" else body,
            )
        )
        self.response_complete = True
        if self.keep_alive:
            protocol.answered()
        else:
            transport.close()
            protocol.on_response_complete()


class _DefaultHeaders:
    """The headers of every answer as lines. uvicorn makes a new list of them every second."""

    def __init__(self) -> None:
        self._of: Sequence[tuple[bytes, bytes]] = ()
        self._joined = b""

    def joined(self, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        if headers is not self._of:
            self._of = headers
            self._joined = b"".join(b"%b: %b\r\n" % header for header in headers)
        return self._joined


class _NobodyWaits:
    """In place of the event by which uvicorn tells that more of a body has come."""

    def set(self) -> None:
        """Nobody is to be woken."""


_NOBODY_WAITS = _NobodyWaits()
