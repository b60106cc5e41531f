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
from urllib.parse import urlsplit

import uvicorn
import uvloop

from server import database
from server.access.principal import Operator
from server.app import App, create_app, running_service
from server.catalogue import Catalogue, CatalogueError, read_catalogue
from server.catalogue.report import grid
from server.errors import InvalidInput, Misconfigured, Refusal
from server.graphql.schema import sdl
from server.logs import set_up_logging
from server.operations import admins, gateways, permissions, tenants
from server.service import DEFAULT_REQUESTS_PER_HOUR, Service
from server.settings import read_settings

_Command = Callable[[argparse.Namespace], Coroutine[Any, Any, int]]
_DEMO_SLUG, _DEMO_EMAIL = "demo", "owner@demo.example"
_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 5
_OBJECTS_BEFORE_COLLECTING = 20_000
_SHUTDOWN_SECONDS = 10


def main(arguments: list[str] | None = None) -> int:
    """Run one command; gives its exit status. Whatever an operator can mend is one sentence."""
    parsed = _parser().parse_args(arguments)
    command: _Command = parsed.command
    try:
        status = uvloop.run(command(parsed))
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Whoever reads it has seen enough, as `head` has. Python would say so once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
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
    serve.add_argument("--port", default=8000, type=_port, help="port to listen on (%(default)s)")
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

    admin = commands.add_parser("admin", help="manage who manages a tenant")
    admin_commands = admin.add_subparsers(required=True, metavar="COMMAND")
    invite = admin_commands.add_parser(
        "invite", help="let an admin set a new password, once; their tokens stay"
    )
    invite.add_argument("slug", metavar="SLUG", help="the tenant")
    invite.add_argument("email", metavar="EMAIL", help="the admin, the owner too")
    invite.set_defaults(command=_invite_admin)

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
        app = create_app(service)
        listeners = [listener]
        if parsed.demo:
            password = await _demo()
            listeners += await _demo_api(service, app, parsed.host, listener)
            _announce(listeners, password, _sample_path(service))
        else:
            _announce(listeners)
        # What there is by now stays for good: collecting garbage need not go through it each time.
        gc.collect()
        gc.freeze()
        # Many requests at once make thousands of objects that soon go by themselves.
        gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)
        try:
            await _server(app).serve(sockets=listeners)
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
            http=app.protocol(),
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


async def _demo() -> str | None:
    """Make the demo tenant on an empty database; gives its owner's password."""
    operator = Operator()
    if not await tenants.is_installation_empty(operator):
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


async def _demo_api(
    service: Service, app: App, host: str, listener: socket.socket
) -> list[socket.socket]:
    """Have the demo tenant's API answered on the next port, or any that is free."""
    tenant = await tenants.find(Operator(), _DEMO_SLUG)
    if tenant is None:
        return []
    try:
        demo = _listener(host, listener.getsockname()[1] + 1)
    except (OSError, OverflowError):
        demo = _listener(host, 0)
    app.add_demo_api(demo.getsockname()[1], urlsplit(service.url_of(tenant)).netloc)
    return [demo]


def _sample_path(service: Service) -> str:
    """A path of the API to try a token on: a plain one that reads, if there is any."""
    reading = (p for p in service.catalogue.permissions if p.method == "GET" and "{" not in p.path)
    permission = next(reading, None)
    return permission.bases[0] + permission.path if permission else "/"


def _announce(
    listeners: list[socket.socket], demo_password: str | None = None, sample_path: str = "/"
) -> None:
    url, *demo_urls = map(_url, listeners)
    lines = [f"Tessera     {url}", f"Console     {url}/", f"GraphiQL    {url}/graphiql"]
    for demo_url in demo_urls:
        lines += _how_to_sign_in(url, demo_password)
        lines += [
            "",
            "A token opens a door of the demo tenant's API: 200 where it holds the permission,",
            "403 where not, 401 once it is revoked:",
            "",
            f'  curl -s {demo_url}{sample_path} -H "Authorization: Bearer $SECRET"',
        ]
    print("\n".join([*lines, ""]), flush=True)


def _how_to_sign_in(url: str, demo_password: str | None) -> list[str]:
    """As the demo tenant's owner, whose password is known at the first start alone."""
    lines = [f"Tenant      {_DEMO_SLUG}", f"E-mail      {_DEMO_EMAIL}"]
    if demo_password:
        lines.append(f"Password    {demo_password}   (shown this once)")
    else:
        lines.append(f"Forgotten?  tessera admin invite {_DEMO_SLUG} {_DEMO_EMAIL}")
    password = demo_password or "'\"$PASSWORD\"'"
    return [
        *lines,
        "",
        "Sign in from a shell:",
        "",
        f"  curl -s {url}/session -H 'Content-Type: application/json' \\",
        f'    -d \'{{"tenant":"{_DEMO_SLUG}","email":"{_DEMO_EMAIL}",'
        f'"password":"{password}","transport":"bearer"}}\'',
    ]


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


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
        try:
            return sys.stdin.buffer.readline().decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise InvalidInput("password", "A password is text in UTF-8.") from None
    return getpass.getpass("The owner's password: ")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= 65_535):
        raise argparse.ArgumentTypeError("a port is a whole number from 0 to 65535")
    return int(text)


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


async def _invite_admin(parsed: argparse.Namespace) -> int:
    async with running_service(read_settings(os.environ)) as service:
        invited = await admins.invite_again(Operator(), service, parsed.slug, parsed.email)
    print(
        f"Admin       {invited.admin.email}, {invited.admin.role.value}\n"
        f"Invitation  {invited.invitation}   (shown this once)\n"
        f"Holds       until {invited.expires_at:%Y-%m-%d %H:%M} UTC, once:"
        " open /invitation#INVITATION of the console, or POST it there"
    )
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
    print(await _dropped(catalogue))
    return 1 if catalogue.refusals else 0


async def _dropped(catalogue: Catalogue) -> str:
    """Which live tokens would lose something by this catalogue, as far as there is a database."""
    settings = read_settings(os.environ)
    if not database.exists(settings):
        return "tokens were not looked at: there is no database"
    try:
        async with database.connected(settings, patient=True):
            await database.ping()
            if await database.unapplied_migrations():
                return "tokens were not looked at: the database lacks migrations"
            count, shown = await permissions.holders_of_dropped(Operator(), catalogue)
    except Exception as error:
        if not database.is_unavailable(error):
            raise
        return "tokens were not looked at: the database does not answer"
    lines = [f"{count} live tokens hold permissions that this document has not"]
    lines += [
        f"dropped: tenant {one.tenant}, token {one.hint} {one.name}: {', '.join(one.keys)}"
        for one in shown
    ]
    if count > len(shown):
        lines.append(f"and {count - len(shown)} more")
    return "\n".join(lines)


async def _print_schema(_parsed: argparse.Namespace) -> int:
    print(sdl(), end="")
    return 0
