"""The process's uvicorn servers: one for each listener, ended together by a signal."""

import asyncio
import os
import resource
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from server.dataplane.connection import Limits
from server.internals.uvicorn import warn_of_server
from server.shutdown import Shutdown
from server.workers import FORCE, Worker

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


async def serve_until_signalled(
    listeners: Sequence[Listener], worker: Worker | None, shutdown: Shutdown, delay_seconds: float
) -> None:
    """Serve on every listener until SIGINT or SIGTERM, and end all requests in good order.

    SIGTERM announces the end, which begins `delay_seconds` later, or by another signal. A worker
    heeds its supervisor: SIGTERM, or the supervisor's end.
    """
    warn_of_server()
    servers = [_Server(_config(listener)) for listener in listeners]
    with _ended_by_signals(_End(servers, shutdown), worker, delay_seconds):
        await asyncio.gather(
            *(
                server.serve(sockets=[listener.socket])
                for server, listener in zip(servers, listeners, strict=True)
            )
        )


def max_connections() -> int:
    """Return the limit of open connections, after raising the limit of open files.

    Without it, clients that keep connections open would leave no file for the database.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = {resource.RLIM_INFINITY, -1}
    allowed = _MAX_FILES if hard in unlimited else min(hard, _MAX_FILES)
    if soft not in unlimited and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    files = _MAX_FILES if soft in unlimited else soft
    return min(Limits().connections, max(files - _OTHER_FILES, files // 2))


class _Server(uvicorn.Server):
    """Leaves signals to `_ended_by_signals`.

    uvicorn's own handler raises the signal anew after the last request, with the database open.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _End:
    """The end of the servers: announced, and then begun."""

    def __init__(self, servers: Sequence[uvicorn.Server], shutdown: Shutdown) -> None:
        self._servers, self._shutdown = servers, shutdown

    def after(self, delay_seconds: float) -> None:
        """Announce the end, and begin it later; at once where it was announced before."""
        if delay_seconds and not self._shutdown.is_announced:
            self._shutdown.announce()
            asyncio.get_running_loop().call_later(delay_seconds, self.begin)
        else:
            self.begin()

    def begin(self, *, is_forced: bool = False) -> None:
        """Take no more connections. Forced a second time, wait for no request, as uvicorn does."""
        self._shutdown.announce()
        # Ends the process where something waits that has no time-out.
        last_resort = threading.Timer(_END_SECONDS, os._exit, [1])
        last_resort.daemon = True
        last_resort.start()
        for server in self._servers:
            if server.should_exit and is_forced:
                server.force_exit = True
            server.should_exit = True


@contextmanager
def _ended_by_signals(end: _End, worker: Worker | None, delay_seconds: float) -> Iterator[None]:
    """Within it, SIGINT and SIGTERM, or a worker's supervisor, end the servers in good order."""
    force = signal.SIGINT if worker is None else FORCE

    def end_with_supervisor(descriptor: int) -> None:
        loop.remove_reader(descriptor)
        end.begin()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(force, partial(end.begin, is_forced=True))
    loop.add_signal_handler(signal.SIGTERM, end.after, delay_seconds)
    if worker is not None:
        loop.add_reader(worker.supervised, end_with_supervisor, worker.supervised)
    try:
        yield
    finally:
        for number in (force, signal.SIGTERM):
            loop.remove_signal_handler(number)
        if worker is not None:
            loop.remove_reader(worker.supervised)


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
