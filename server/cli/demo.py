"""The announcement of `tessera serve`, and the tenant and API that `--demo` adds."""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_urlsafe
from shutil import which
from urllib.parse import urlsplit

from server.cli.commands import operator
from server.cli.listening import listen, url_of
from server.cli.servers import Listener
from server.database import reaching_every_tenant
from server.dataplane.connection import Limits, limited_protocol
from server.dataplane.demo import DemoApi
from server.operations import tenants
from server.service import Service
from server.shutdown import Shutdown

_SLUG, _EMAIL = "demo", "owner@demo.example"
# Taken from the open files that `max_connections` leaves to other things.
_LIMITS = Limits(connections=50)


@asynccontextmanager
async def listening(
    service: Service, main: socket.socket, beside: socket.socket, shutdown: Shutdown
) -> AsyncIterator[list[Listener]]:
    """Create the demo tenant on an empty database, announce it, and listen as its API.

    main: the service's own socket. beside: that of the demo tenant's API. Yields no listener if the
    database holds other tenants and no demo tenant.
    """
    with reaching_every_tenant():
        password = await make_tenant()
        tenant = await tenants.find(operator(), _SLUG)
    if tenant is None:
        beside.close()
        announce(service, url_of(main))
        yield []
        return
    api = DemoApi(service, urlsplit(service.url_of(tenant)).netloc)
    try:
        listen(beside)
        announce(service, url_of(main), url_of(beside) + sample_path(service), password)
        yield [Listener(beside, api, limited_protocol(_LIMITS, shutdown))]
    finally:
        await api.close()


async def make_tenant() -> str | None:
    """Create the demo tenant on an empty database. Returns its owner's password, or None."""
    who = operator()
    if not await tenants.is_installation_empty(who):
        return None
    password = token_urlsafe(18)
    await tenants.create(
        who,
        slug=_SLUG,
        name="Demo",
        owner_email=_EMAIL,
        owner_name="Demo Owner",
        owner_password=password,
    )
    return password


def sample_path(service: Service) -> str:
    """Return a path to try a token on: that of a GET without parameters, if there is one."""
    reading = (p for p in service.catalogue.permissions if p.method == "GET" and "{" not in p.path)
    permission = next(reading, None)
    return permission.bases[0] + permission.path if permission else "/"


def announce(
    service: Service, url: str, sample_url: str | None = None, password: str | None = None
) -> None:
    """Print the service's addresses and, given a URL of the demo tenant's API, how to call it.

    password: the demo owner's, if the tenant was created just now. Several workers print it once.
    """
    if not service.speaks:
        return
    lines = [f"Tessera     {url}", f"Console     {url}/", f"GraphiQL    {url}/graphiql"]
    if sample_url:
        lines += _how_to_sign_in(url, password)
        lines += [
            "",
            "Call the demo tenant's API with a token. The answer is 200 if the token holds the",
            "permission, 403 if it does not, and 401 once it is revoked:",
            "",
            f'  curl -s {sample_url} -H "Authorization: Bearer $SECRET"',
        ]
    print("\n".join([*lines, ""]), flush=True)


def _command() -> str:
    """Return the command as this shell finds it: often it exists only in a virtual environment."""
    if which("tessera"):
        return "tessera"
    started = Path(sys.argv[0])
    return str(started) if started.name == "tessera" else f"{sys.executable} -m server"


def _how_to_sign_in(url: str, demo_password: str | None) -> list[str]:
    """Return the lines for the demo tenant's owner. Only the first start knows the password."""
    lines = [f"Tenant      {_SLUG}", f"E-mail      {_EMAIL}"]
    if demo_password:
        lines.append(f"Password    {demo_password}   (shown this once)")
    else:
        lines.append(f"Forgotten?  {_command()} admin invite {_SLUG} {_EMAIL}")
    password = demo_password or "'\"$PASSWORD\"'"
    return [
        *lines,
        "",
        "Sign in from a shell:",
        "",
        f"  curl -s {url}/session -H 'Content-Type: application/json' \\",
        f'    -d \'{{"tenant":"{_SLUG}","email":"{_EMAIL}",'
        f'"password":"{password}","transport":"bearer"}}\'',
    ]
