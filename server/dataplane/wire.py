"""Answers checks directly in the HTTP protocol; other requests pass through uvicorn and ASGI.

A check comes for every request of every tenant's API. An ASGI scope, a task, messages through five
coroutines and two regular expressions per header would take longer than the decision itself. Only
`tessera serve` has this short cut, and it starts with no uvicorn that lacks what limits and short
cut derive from (`server.internals.uvicorn`). Other ASGI servers call the application
(`Authorize.__call__`), which answers the same but enforces none of the limits here.
"""

import asyncio

from server.dataplane.answers import Answer
from server.dataplane.authorize import Authorize
from server.dataplane.connection import Connection, DefaultHeaders, Exchange, Limits
from server.dataplane.originals import PREFIX
from server.internals.uvicorn import require_protocol
from server.shutdown import Shutdown

_PATH = PREFIX.encode()
_MORE = (_PATH + b"?", _PATH + b"/")


def protocol_of(
    authorize: Authorize, shutdown: Shutdown, limits: Limits | None = None
) -> type[asyncio.Protocol]:
    """uvicorn's protocol for HTTP/1.1 with limits, and a short cut for requests that are checks.

    Raises `Misconfigured` where this version of uvicorn cannot be limited.
    """
    require_protocol()
    within = limits or Limits()

    class Protocol(_Protocol):
        _authorize = authorize
        default_headers = DefaultHeaders()
        limits = within
        process_end = shutdown

    return Protocol


class _Protocol(Connection):
    """One connection."""

    _authorize: Authorize

    def _serve(self, keep_alive: bool) -> None:
        if not self._is_check():
            super()._serve(keep_alive)
            return
        before, self.cycle = self.cycle, _CheckExchange(self, self._authorize, keep_alive)
        if before is None or before.response_complete:
            self.cycle.start()
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _is_check(self) -> bool:
        url = self.url
        return url == _PATH or (url.startswith(_MORE) and b"#" not in url)


class _CheckExchange(Exchange):
    """A check and its answer."""

    def __init__(self, protocol: _Protocol, authorize: Authorize, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self._protocol: _Protocol = protocol
        self.peer = protocol.client[0] if protocol.client else ""
        self.method = protocol.parser.get_method()
        self.target = protocol.url
        self.headers = protocol.headers
        self._authorize = authorize

    def start(self) -> None:
        """Ask for the decision."""
        self._authorize.ask(self)

    def answered(self, answer: Answer) -> None:
        """Write the answer."""
        protocol = self._protocol
        if protocol.flow.write_paused:
            # Answers to a client that does not read must not pile up in memory.
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
        del self._protocol  # breaks a reference cycle: the protocol holds this exchange
        # Meanwhile the client may have closed the connection, or sent input that ends it.
        if self.disconnected or protocol.transport.is_closing():
            return
        protocol.write(answer, self.keep_alive, self.method != b"HEAD")
        self.response_complete = True
        protocol.answered(self)
