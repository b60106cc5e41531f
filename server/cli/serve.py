"""`tessera serve`: listens, prints the addresses, and serves until a signal ends it."""

import gc
import logging
import socket
from contextlib import AsyncExitStack

import click

from server import database
from server.access.principal import Operator
from server.app import App, create_app, running_service
from server.cli import demo
from server.cli.commands import run, settings_of_environment
from server.cli.listening import listen, url_of
from server.cli.servers import Listener, max_connections, serve_until_signalled
from server.dataplane.connection import Limits
from server.errors import Misconfigured
from server.logs import logging_to_standard_error
from server.loop_thread import loop_thread
from server.operations import permissions
from server.service import Service

_log = logging.getLogger("tessera")
_OBJECTS_BEFORE_COLLECTING = 20_000


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= 65_535):
        raise click.BadParameter("a port is a whole number from 0 to 65535")
    return int(text)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default="8000",
    type=_port,
    metavar="PORT",
    show_default=True,
    help="Port to listen on.",
)
@click.option(
    "--demo",
    "has_demo",
    is_flag=True,
    help="On an empty database, make a tenant to try things with.",
)
@run
async def serve(host: str, port: int, has_demo: bool) -> None:
    """Serve until a signal ends it. An embedded database is migrated first."""
    settings = settings_of_environment()
    with logging_to_standard_error(settings.log_level):
        async with running_service(settings) as service, loop_thread(settings) as runner:
            app = create_app(service, runner)
            await _listen_and_serve(app, service, host, port, has_demo)


async def _listen_and_serve(
    app: App, service: Service, host: str, port: int, has_demo: bool
) -> None:
    async with AsyncExitStack() as closing:
        closing.push_async_callback(app.close)
        await app.open()
        main = _listen(host, port)
        await _warn_of_dropped(service)
        beside: list[Listener] = []
        if has_demo:
            beside = await closing.enter_async_context(demo.listening(service, host, main))
        else:
            demo.announce(url_of(main))
        _tune_garbage_collection()
        limits = Limits(connections=max_connections())
        await serve_until_signalled(Listener(main, app, app.protocol(limits)), *beside)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as error:
        raise Misconfigured(f"Cannot listen on {host}:{port}: {error.strerror}.") from None


def _tune_garbage_collection() -> None:
    # Objects of the start stay until the end: garbage collection need not visit them.
    gc.collect()
    gc.freeze()
    # Concurrent requests make thousands of objects that reference counting frees soon.
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)


async def _warn_of_dropped(service: Service) -> None:
    """Warn of held permissions that the API's description lacks: they open nothing any more."""
    try:
        dropped = await permissions.count_dropped(Operator(), service.catalogue)
    except Exception as error:
        if not database.is_unavailable(error):
            raise
        _log.warning(
            "permissions that tokens hold and the API's description lacks could not be counted"
        )
        return
    if dropped.permissions:
        detail = (
            f"{dropped.permissions} permissions of {dropped.tokens} tokens in"
            f" {dropped.tenants} tenants; `tessera catalogue check` names them"
        )
        message = "live tokens hold permissions that the API's description lacks"
        _log.warning(message, extra={"detail": detail})
