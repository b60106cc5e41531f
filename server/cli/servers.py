"""The process's uvicorn servers: the main one receives signals, and the others end with it."""

import asyncio
import os
import resource
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from server.dataplane.connection import Limits

# Longer than gateways keep a connection for reuse: a request that is sent while this end closes the
# connection fails.
KEEP_ALIVE_SECONDS = 75
# Open files beside connections: listeners, the database, the rate limit's store, pages.
_OTHER_FILES = 200
_MAX_FILES = 65_536
_SHUTDOWN_SECONDS = 10
# More than requests, the last decisions and the connections take, each by its own time-out.
_END_SECONDS = 25


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens, the application that answers there, and its HTTP protocol."""

    socket: socket.socket
    app: ASGIApp
    protocol: type[asyncio.Protocol]


async def serve_until_signalled(main: Listener, *others: Listener) -> None:
    """Serve on every listener until SIGINT or SIGTERM, and end all requests in good order."""
    beside = [_Beside(_config(other)) for other in others]
    server = _Main(_config(main), beside)
    await asyncio.gather(
        server.serve(sockets=[main.socket]),
        *(one.serve(sockets=[other.socket]) for one, other in zip(beside, others, strict=True)),
    )


def max_connections() -> int:
    """How many connections may be open, by the files that the process may open.

    Without a bound, clients that keep connections open would leave no file for the database.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = {resource.RLIM_INFINITY, -1}
    allowed = _MAX_FILES if hard in unlimited else min(hard, _MAX_FILES)
    if soft not in unlimited and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    files = _MAX_FILES if soft in unlimited else soft
    return min(Limits().connections, max(files - _OTHER_FILES, files // 2))


class _Beside(uvicorn.Server):
    """A further server of the process. Signals go to the main one, which passes them on."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Main(uvicorn.Server):
    """Ends by returning. uvicorn's own raises the signal anew, with the database still open."""

    def __init__(self, config: uvicorn.Config, beside: list[_Beside]) -> None:
        super().__init__(config)
        self._beside = beside

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._end, number)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _end(self, number: signal.Signals) -> None:
        # Ends the process where something waits that has no time-out.
        last_resort = threading.Timer(_END_SECONDS, os._exit, [1])
        last_resort.daemon = True
        last_resort.start()
        for server in (self, *self._beside):
            server.handle_exit(number, None)


def _config(listener: Listener) -> uvicorn.Config:
    return uvicorn.Config(
        listener.app,
        http=listener.protocol,
        lifespan="off",
        ws="none",
        # Its access log would hold query strings; the envelope writes a line that does not.
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
