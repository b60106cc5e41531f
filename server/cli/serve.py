"""`tessera serve`: binds, starts workers, announces, and serves until a signal ends it."""

import gc
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass

import click
from opentelemetry.trace import Tracer

from server import database
from server.access.principal import Operator
from server.app import App, create_app
from server.cli import demo
from server.cli.commands import complaining, run_serving, settings_of_environment
from server.cli.listening import bind, bind_beside, listen, url_of
from server.cli.servers import Listener, max_connections, serve_until_signalled
from server.dataplane.connection import Limits, limited_protocol
from server.errors import Misconfigured
from server.logs import few_lines_to_standard_error, logging_to_standard_error
from server.loop_thread import loop_thread
from server.monitoring.span_export import exported_spans
from server.operations import catalogue_versions, permissions, restoration
from server.service import Service
from server.settings import Settings
from server.starting import Documents, read_documents, running_service
from server.workers import MAX_WORKERS, Supervisor, Worker, usable_cores

_log = logging.getLogger("tessera")
_OBJECTS_BEFORE_COLLECTING = 20_000
_MAX_DELAY_SECONDS = 600
# Of the metrics' own address. Taken from the files that `max_connections` leaves to other things.
_LIMITS = Limits(connections=50)


@dataclass(frozen=True, slots=True)
class _Sockets:
    """The bound sockets of the listeners.

    beside: of the demo tenant's API, if there is one. metrics: where they have an address of their
    own.
    """

    main: socket.socket
    beside: socket.socket | None
    metrics: socket.socket | None

    @classmethod
    @contextmanager
    def bound(
        cls, host: str, port: int, metrics: tuple[str, int] | None, *, has_demo: bool
    ) -> Iterator["_Sockets"]:
        """Bind all sockets within the context. Raises `Misconfigured` if an address is not free."""
        with ExitStack() as closing:
            main = closing.enter_context(bind(host, port))
            beside = closing.enter_context(bind_beside(host, main)) if has_demo else None
            own = closing.enter_context(bind(*metrics)) if metrics else None
            yield cls(main, beside, own)

    @property
    def all(self) -> list[socket.socket]:
        """All sockets."""
        return [one for one in (self.main, self.beside, self.metrics) if one is not None]


@dataclass(frozen=True, slots=True)
class _Options:
    """The options of the command line besides listeners and workers."""

    accepts_removals: bool
    shutdown_delay_seconds: int


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
    "--workers",
    type=click.IntRange(1, MAX_WORKERS),
    metavar="NUMBER",
    help="Number of processes. By default one with SQLite, and one for each core with PostgreSQL.",
)
@click.option(
    "--shutdown-delay",
    "shutdown_delay_seconds",
    type=click.IntRange(0, _MAX_DELAY_SECONDS),
    metavar="SECONDS",
    default=0,
    help="After SIGTERM, serve on for so long, while /readyz answers 503.",
)
@click.option(
    "--demo",
    "has_demo",
    is_flag=True,
    help="On an empty database, create a demo tenant.",
)
@click.option(
    "--accept-removals",
    is_flag=True,
    help="Serve an API document that takes permissions from live tokens.",
)
@complaining()
def serve(
    host: str,
    port: int,
    workers: int | None,
    shutdown_delay_seconds: int,
    has_demo: bool,
    accept_removals: bool,
) -> int:
    """Serve until a signal ends the process. Migrate an embedded database first."""
    settings = settings_of_environment()
    count = workers or (1 if settings.embedded else min(usable_cores(), MAX_WORKERS))
    own, options = settings.metrics_address, _Options(accept_removals, shutdown_delay_seconds)
    if count == 1:
        with logging_to_standard_error(settings.log_level):
            documents = read_documents(settings)
            with _Sockets.bound(host, port, own, has_demo=has_demo) as sockets:
                return _serve(settings, documents, sockets, None, options)
    supervisor = Supervisor(count, shutdown_delay_seconds)
    with ExitStack() as closing:
        with few_lines_to_standard_error(settings.log_level, supervisor.log_turn):
            # Once for all workers: one that is started anew must not read files that have changed.
            documents = read_documents(settings)
            sockets = closing.enter_context(_Sockets.bound(host, port, own, has_demo=has_demo))
            # Frozen objects are shared: a worker's garbage collection leaves it untouched.
            gc.freeze()
            worker = supervisor.run(sockets.all)
        if isinstance(worker, int):
            return worker
        turn = worker.shared.log_turn.held
        with logging_to_standard_error(settings.log_level, worker=worker.number, turn=turn):
            try:
                return _serve(settings, documents, sockets, worker, options)
            except Exception as error:
                return _failed(error, worker)


def _failed(error: Exception, worker: Worker) -> int:
    """Log why a later worker ended, and return its exit status.

    An error of the first worker ends the instance; the command prints it.
    """
    is_told = isinstance(error, Misconfigured) or database.is_unavailable(error)
    if worker.is_first or not is_told:
        raise error
    detail = str(error) if isinstance(error, Misconfigured) else database.sentence_of(error)
    _log.error("a worker cannot serve", extra={"detail": detail})
    return 1


def _serve(
    settings: Settings,
    documents: Documents,
    sockets: _Sockets,
    worker: Worker | None,
    options: _Options,
) -> int:
    # Around the event loop: the last spans are exported once no answer is due any more.
    with exported_spans(os.environ) as tracer:
        return _serve_traced(settings, documents, sockets, worker, tracer, options)


@run_serving
async def _serve_traced(
    settings: Settings,
    documents: Documents,
    sockets: _Sockets,
    worker: Worker | None,
    tracer: Tracer | None,
    options: _Options,
) -> None:
    async with (
        running_service(settings, documents, worker, tracer) as service,
        loop_thread(settings) as runner,
    ):
        with database.reaching_every_tenant():
            await restoration.require_settled(Operator(), settings)
            if service.speaks:
                await _adopt(service, options.accepts_removals)
        app = create_app(service, runner)
        await _listen_and_serve(app, service, sockets, options.shutdown_delay_seconds)


async def _adopt(service: Service, accepts_removals: bool) -> None:
    await catalogue_versions.adopt(Operator(), service.catalogue, accepts_removals=accepts_removals)


async def _listen_and_serve(
    app: App, service: Service, sockets: _Sockets, delay_seconds: int
) -> None:
    async with AsyncExitStack() as closing:
        closing.push_async_callback(app.close)
        await app.open()
        listen(sockets.main)
        if service.speaks:
            with database.reaching_every_tenant():
                await _warn_of_dropped(service)
        limits = Limits(connections=max_connections())
        listeners = [Listener(sockets.main, app, app.protocol(limits))]
        if sockets.beside is not None:
            listening = demo.listening(service, sockets.main, sockets.beside, app.shutdown)
            listeners += await closing.enter_async_context(listening)
        else:
            demo.announce(service, url_of(sockets.main))
        if sockets.metrics is not None:
            listen(sockets.metrics)
            protocol = limited_protocol(_LIMITS, app.shutdown)
            listeners.append(Listener(sockets.metrics, app.monitoring, protocol))
        _tune_garbage_collection()
        if service.worker is not None:
            service.worker.tell_ready()
        await serve_until_signalled(listeners, service.worker, app.shutdown, delay_seconds)


def _tune_garbage_collection() -> None:
    # Objects of the start stay until the end: garbage collection need not visit them.
    gc.collect()
    gc.freeze()
    # Concurrent requests make thousands of objects that reference counting frees soon.
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)


async def _warn_of_dropped(service: Service) -> None:
    """Warn of held permissions that the API's document lacks: they open nothing any more.

    Skip this on a distributed database: it would query all nodes, and an instance could not start
    while one is down.
    """
    if database.is_distributed():
        return
    try:
        dropped = await permissions.count_dropped(Operator(), service.catalogue)
    except Exception as error:
        if not database.is_unavailable(error):
            raise
        _log.warning(
            "permissions that tokens hold and the API's document lacks could not be counted"
        )
        return
    if dropped.permissions:
        detail = (
            f"{dropped.permissions} permissions of {dropped.tokens} tokens in"
            f" {dropped.tenants} tenants; `tessera catalogue check` names them"
        )
        message = "live tokens hold permissions that the API's document lacks"
        _log.warning(message, extra={"detail": detail})
