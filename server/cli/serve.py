"""`tessera serve`: listens, announces where, and serves until a signal ends it."""

import argparse
import gc
import logging
import os
from contextlib import AsyncExitStack
from socket import socket as Socket  # noqa: N812 -- a class

from server import database
from server.access.principal import Operator
from server.app import App, create_app, running_service
from server.cli import demo
from server.cli.commands import Commands
from server.cli.listening import listen, url_of
from server.cli.servers import Listener, max_connections, serve_until_signalled
from server.dataplane.connection import Limits
from server.errors import Misconfigured
from server.logs import logging_to_standard_error
from server.loop_thread import loop_thread
from server.operations import permissions
from server.service import Service
from server.settings import read_settings

_log = logging.getLogger("tessera")
_OBJECTS_BEFORE_COLLECTING = 20_000


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
            await _listen_and_serve(create_app(service, run), service, parsed)
    return 0


async def _listen_and_serve(app: App, service: Service, parsed: argparse.Namespace) -> None:
    async with AsyncExitStack() as closing:
        closing.push_async_callback(app.close)
        await app.open()
        socket = _listen(parsed.host, parsed.port)
        await _warn_of_dropped(service)
        beside: list[Listener] = []
        if parsed.demo:
            beside = await closing.enter_async_context(demo.listening(service, parsed.host, socket))
        else:
            demo.announce(url_of(socket))
        _settle_memory()
        limits = Limits(connections=max_connections())
        await serve_until_signalled(Listener(socket, app, app.protocol(limits)), *beside)


def _listen(host: str, port: int) -> Socket:
    try:
        return listen(host, port)
    except OSError as error:
        raise Misconfigured(f"Cannot listen on {host}:{port}: {error.strerror}.") from None


def _settle_memory() -> None:
    # The objects made so far stay for good: garbage collection need not visit them each time.
    gc.collect()
    gc.freeze()
    # Many requests at once make thousands of objects that soon go by themselves.
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)


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
