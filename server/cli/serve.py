"""`tessera serve`: listens, announces where, and serves until a signal ends it."""

import argparse
import asyncio
import gc
import logging
import os
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from server import database
from server.access.principal import Operator
from server.app import App, create_app, running_service
from server.cli import demo
from server.cli.commands import Commands
from server.cli.listening import listen
from server.dataplane.connection import Limits
from server.errors import Misconfigured
from server.logs import logging_to_standard_error
from server.loop_thread import loop_thread
from server.operations import permissions
from server.service import Service
from server.settings import read_settings

_log = logging.getLogger("tessera")
# Longer than gateways keep a connection for reuse: a request that is sent while this end closes the
# connection fails.
_KEEP_ALIVE_SECONDS = 75
# Open files beside connections: listeners, the database, the rate limit's store, pages.
_OTHER_FILES = 200
_MAX_FILES = 65_536
_OBJECTS_BEFORE_COLLECTING = 20_000
_SHUTDOWN_SECONDS = 10
# More than requests, the last decisions and the connections take, each by its own time-out.
_END_SECONDS = 25


def add_to(commands: Commands) -> None:
    """Add the command."""
    serve = commands.add_parser("serve", help="serve; an embedded database is migrated first")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serve.add_argument("--port", default=8000, type=_port, help="port to listen on (%(default)s)")
    serve.add_argument(
        "--demo", action="store_true", help="on an empty database, make a tenant to try things with"
    )
    serve.set_defaults(command=_serve)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= 65_535):
        raise argparse.ArgumentTypeError("a port is a whole number from 0 to 65535")
    return int(text)


async def _serve(parsed: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    with logging_to_standard_error(settings.log_level):
        async with running_service(settings) as service, loop_thread(settings) as run:
            await _serve_until_signalled(create_app(service, run), service, parsed)
    return 0


async def _serve_until_signalled(app: App, service: Service, parsed: argparse.Namespace) -> None:
    await app.open()
    try:
        listener = listen(parsed.host, parsed.port)
    except OSError as error:
        raise Misconfigured(
            f"Cannot listen on {parsed.host}:{parsed.port}: {error.strerror}."
        ) from None
    listeners = [listener]
    await _warn_of_dropped(service)
    if parsed.demo:
        password = await demo.make_tenant()
        listeners += await demo.add_api(service, app, parsed.host, listener)
        demo.announce(listeners, password, demo.sample_path(service))
    else:
        demo.announce(listeners)
    # The objects made so far stay for good: garbage collection need not visit them each time.
    gc.collect()
    gc.freeze()
    # Many requests at once make thousands of objects that soon go by themselves.
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)
    try:
        await _server(app).serve(sockets=listeners)
    finally:
        await app.close()


async def _warn_of_dropped(service: Service) -> None:
    """Warn of held permissions that the API's description lacks: they open nothing any more."""
    try:
        dropped = await permissions.count_dropped(Operator(), service.catalogue)
    except Exception as error:
        if not database.is_unavailable(error):
            raise
        _log.warning("what tokens lose by the API's description could not be counted")
        return
    if dropped.permissions:
        detail = (
            f"{dropped.permissions} permissions of {dropped.tokens} tokens in"
            f" {dropped.tenants} tenants; `tessera catalogue check` names them"
        )
        message = "live tokens hold permissions that the API's description has not"
        _log.warning(message, extra={"detail": detail})


class _Server(uvicorn.Server):
    """Ends by returning. uvicorn's own raises the signal anew, with the database still open."""

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
        self.handle_exit(number, None)


def _max_connections() -> int:
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


def _server(app: App) -> uvicorn.Server:
    return _Server(
        uvicorn.Config(
            app,
            http=app.protocol(Limits(connections=_max_connections())),
            lifespan="off",
            ws="none",
            # Its access log would hold query strings; the envelope writes a line that does not.
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
    )
