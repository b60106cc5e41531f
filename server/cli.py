"""The `tessera` command. It acts through the operations that the API uses: no back door."""

import argparse
import asyncio
import gc
import getpass
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import uvicorn
import uvloop

from server import database
from server.access.principal import Operator
from server.app import App, create_app, running_service
from server.catalogue import CatalogueError, read_catalogue
from server.catalogue.report import grid
from server.errors import Misconfigured, Refusal
from server.graphql.schema import sdl
from server.logs import set_up_logging
from server.operations import gateways, tenants
from server.service import DEFAULT_REQUESTS_PER_HOUR
from server.settings import read_settings

_Command = Callable[[argparse.Namespace], Coroutine[Any, Any, int]]
_DEMO_SLUG, _DEMO_EMAIL = "demo", "owner@demo.example"
_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 5
_SHUTDOWN_SECONDS = 10


def main(arguments: list[str] | None = None) -> int:
    """Run one command; gives its exit status. Whatever an operator can mend is one sentence."""
    parsed = _parser().parse_args(arguments)
    command: _Command = parsed.command
    try:
        return uvloop.run(command(parsed))
    except (Misconfigured, CatalogueError) as error:
        return _complain(str(error))
    except Refusal as refusal:
        return _complain(refusal.message)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if database.is_unavailable(error):
            return _complain("The database does not answer.")
        raise


def _complain(sentence: str) -> int:
    print(f"tessera: {sentence}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tessera", description="A multi-tenant API-token service."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve; an embedded database is migrated first")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serve.add_argument("--port", default=8000, type=int, help="port to listen on (%(default)s)")
    serve.add_argument(
        "--demo", action="store_true", help="on an empty database, make a tenant to try things with"
    )
    serve.set_defaults(command=_serve)

    migrate = commands.add_parser("migrate", help="bring the database's schema up to date")
    migrate.set_defaults(command=_migrate)

    tenant = commands.add_parser("tenant", help="manage tenants")
    tenant_commands = tenant.add_subparsers(required=True, metavar="COMMAND")
    create = tenant_commands.add_parser("create", help="make a tenant and its owner")
    create.add_argument("slug", metavar="SLUG", help="names it at sign-in and in its API's host")
    create.add_argument("--name", required=True, help="what the organisation is called")
    create.add_argument("--owner-email", required=True, help="the owner signs in with it")
    create.add_argument("--owner-name", required=True, help="what the owner is called")
    create.add_argument(
        "--region", default=tenants.DEFAULT_REGION, help="where its API runs (%(default)s)"
    )
    create.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the owner's password from standard input instead of asking for it",
    )
    create.set_defaults(command=_create_tenant)

    limit = tenant_commands.add_parser("limit", help="set how many requests an hour it may make")
    limit.add_argument("slug", metavar="SLUG", help="the tenant")
    limit.add_argument(
        "requests_per_hour",
        metavar="REQUESTS",
        type=_requests_per_hour,
        help=f"requests an hour, or `default` ({DEFAULT_REQUESTS_PER_HOUR})",
    )
    limit.set_defaults(command=_limit_tenant)

    gateway = commands.add_parser("gateway", help="manage who may introspect tokens")
    gateway_commands = gateway.add_subparsers(required=True, metavar="COMMAND")
    add = gateway_commands.add_parser("create", help="make a credential; its secret is shown once")
    add.add_argument("name", metavar="NAME", help="what the gateway is called")
    add.set_defaults(command=_create_gateway)
    listing = gateway_commands.add_parser("list", help="print every gateway")
    listing.set_defaults(command=_list_gateways)
    revoke = gateway_commands.add_parser("revoke", help="end a credential at once")
    revoke.add_argument("name", metavar="NAME", help="the gateway")
    revoke.set_defaults(command=_revoke_gateway)

    catalogue = commands.add_parser("catalogue", help="look at an API's description")
    catalogue_commands = catalogue.add_subparsers(required=True, metavar="COMMAND")
    check = catalogue_commands.add_parser(
        "check", help="print the permissions that an OpenAPI document gives, and what it cannot"
    )
    check.add_argument("file", metavar="FILE", type=Path, help="the OpenAPI document")
    check.set_defaults(command=_check_catalogue)

    schema = commands.add_parser("schema", help="print the GraphQL schema")
    schema.set_defaults(command=_print_schema)
    return parser


async def _serve(parsed: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    set_up_logging(settings.log_level)
    async with running_service(settings) as service:
        try:
            listener = _listener(parsed.host, parsed.port)
        except OSError as error:
            raise Misconfigured(
                f"Cannot listen on {parsed.host}:{parsed.port}: {error.strerror}."
            ) from None
        _announce(listener, await _demo(parsed.demo))
        # What there is by now stays for good: collecting garbage need not go through it each time.
        gc.collect()
        gc.freeze()
        app = create_app(service)
        try:
            await _server(app).serve(sockets=[listener])
        finally:
            await app.close()
    return 0


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    # From here on callers wait in line instead of being refused.
    listener.listen(_BACKLOG)
    return listener


class _Server(uvicorn.Server):
    """Ends by returning. uvicorn's own raises the signal anew, with the database still open."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


def _server(app: App) -> uvicorn.Server:
    return _Server(
        uvicorn.Config(
            app,
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


async def _demo(wanted: bool) -> str | None:
    """Make the demo tenant on an empty database; gives its owner's password."""
    operator = Operator()
    if not wanted or not await tenants.is_installation_empty(operator):
        return None
    password = token_urlsafe(18)
    await tenants.create(
        operator,
        slug=_DEMO_SLUG,
        name="Demo",
        owner_email=_DEMO_EMAIL,
        owner_name="Demo Owner",
        owner_password=password,
    )
    return password


def _announce(listener: socket.socket, demo_password: str | None) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    print(f"Tessera     {url}\nGraphiQL    {url}/graphiql")
    if demo_password:
        print(
            f"Tenant      {_DEMO_SLUG}\n"
            f"E-mail      {_DEMO_EMAIL}\n"
            f"Password    {demo_password}   (shown this once)\n\n"
            "Sign in from a shell:\n\n"
            f"  curl -s {url}/session -H 'Content-Type: application/json' \\\n"
            f'    -d \'{{"tenant":"{_DEMO_SLUG}","email":"{_DEMO_EMAIL}",'
            f'"password":"{demo_password}","transport":"bearer"}}\'\n'
        )
    sys.stdout.flush()


async def _migrate(_parsed: argparse.Namespace) -> int:
    applied = await database.migrate(read_settings(os.environ))
    print("\n".join(f"applied {name}" for name in applied) or "nothing to apply")
    return 0


async def _create_tenant(parsed: argparse.Namespace) -> int:
    password = _read_password(parsed.password_stdin)
    async with running_service(read_settings(os.environ)):
        tenant = await tenants.create(
            Operator(),
            slug=parsed.slug,
            name=parsed.name,
            owner_email=parsed.owner_email,
            owner_name=parsed.owner_name,
            owner_password=password,
            region=parsed.region,
        )
    print(f"made tenant {tenant.slug}")
    return 0


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return getpass.getpass("The owner's password: ")


def _requests_per_hour(text: str) -> int | None:
    if text == "default":
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise argparse.ArgumentTypeError("must be a whole number, or `default`")
    return int(text)


async def _limit_tenant(parsed: argparse.Namespace) -> int:
    async with running_service(read_settings(os.environ)):
        await tenants.set_limit(Operator(), parsed.slug, parsed.requests_per_hour)
    limit = parsed.requests_per_hour or DEFAULT_REQUESTS_PER_HOUR
    print(f"tenant {parsed.slug} may make {limit} requests an hour")
    return 0


async def _create_gateway(parsed: argparse.Namespace) -> int:
    async with running_service(read_settings(os.environ)) as service:
        created = await gateways.create(Operator(), service, parsed.name)
    print(f"Gateway     {created.gateway.name}\nSecret      {created.secret}   (shown this once)")
    return 0


async def _list_gateways(_parsed: argparse.Namespace) -> int:
    async with running_service(read_settings(os.environ)):
        for gateway in await gateways.every(Operator()):
            revoked = gateway.revoked_at
            state = f"revoked {revoked:%Y-%m-%d}" if revoked else "live"
            print(f"{gateway.name:24} made {gateway.created_at:%Y-%m-%d}  {state}")
    return 0


async def _revoke_gateway(parsed: argparse.Namespace) -> int:
    async with running_service(read_settings(os.environ)):
        await gateways.revoke(Operator(), parsed.name)
    print(f"revoked gateway {parsed.name}")
    return 0


async def _check_catalogue(parsed: argparse.Namespace) -> int:
    catalogue = read_catalogue(parsed.file)
    print(grid(catalogue))
    return 1 if catalogue.refusals else 0


async def _print_schema(_parsed: argparse.Namespace) -> int:
    print(sdl(), end="")
    return 0
