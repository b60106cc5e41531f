"""The announcement of `tessera serve`, and the tenant and API that `--demo` adds."""

import socket
from secrets import token_urlsafe
from urllib.parse import urlsplit

from server.access.principal import Operator
from server.app import App
from server.cli.listening import listen, url_of
from server.operations import tenants
from server.service import Service

_SLUG, _EMAIL = "demo", "owner@demo.example"


async def make_tenant() -> str | None:
    """Make the demo tenant on an empty database; gives its owner's password."""
    operator = Operator()
    if not await tenants.is_installation_empty(operator):
        return None
    password = token_urlsafe(18)
    await tenants.create(
        operator,
        slug=_SLUG,
        name="Demo",
        owner_email=_EMAIL,
        owner_name="Demo Owner",
        owner_password=password,
    )
    return password


async def add_api(
    service: Service, app: App, host: str, listener: socket.socket
) -> list[socket.socket]:
    """Have the demo tenant's API answered on the next port, or any that is free."""
    tenant = await tenants.find(Operator(), _SLUG)
    if tenant is None:
        return []
    try:
        demo = listen(host, listener.getsockname()[1] + 1)
    except (OSError, OverflowError):
        demo = listen(host, 0)
    app.add_demo_api(demo.getsockname()[1], urlsplit(service.url_of(tenant)).netloc)
    return [demo]


def sample_path(service: Service) -> str:
    """A path of the API to try a token on: a plain one that reads, if there is any."""
    reading = (p for p in service.catalogue.permissions if p.method == "GET" and "{" not in p.path)
    permission = next(reading, None)
    return permission.bases[0] + permission.path if permission else "/"


def announce(
    listeners: list[socket.socket], demo_password: str | None = None, sample_path: str = "/"
) -> None:
    """Print where the first listener is, and how to try the demo tenant's API at the others."""
    url, *demo_urls = map(url_of, listeners)
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
    lines = [f"Tenant      {_SLUG}", f"E-mail      {_EMAIL}"]
    if demo_password:
        lines.append(f"Password    {demo_password}   (shown this once)")
    else:
        lines.append(f"Forgotten?  tessera admin invite {_SLUG} {_EMAIL}")
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
