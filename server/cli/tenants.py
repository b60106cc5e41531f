"""`tessera tenant` and `tessera admin`: tenants, their limits, and invitations of admins."""

import getpass
import sys

import click

from server.access.principal import Operator
from server.app import running_service
from server.cli.commands import run, settings_of_environment
from server.errors import InvalidInput
from server.operations import admins, tenants
from server.service import DEFAULT_REQUESTS_PER_HOUR


def _requests_per_hour(text: str) -> int | None:
    if text == "default":
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise click.BadParameter("must be a whole number, or `default`")
    return int(text)


@click.group()
def tenant() -> None:
    """Manage tenants."""


@tenant.command()
@click.argument("slug")
@click.option("--name", required=True, help="Name of the organisation.")
@click.option("--owner-email", required=True, metavar="EMAIL", help="The owner signs in with it.")
@click.option("--owner-name", required=True, metavar="NAME", help="Name of the owner.")
@click.option(
    "--region", default=tenants.DEFAULT_REGION, show_default=True, help="Where its API runs."
)
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the owner's password from standard input instead of asking for it.",
)
@run
async def create(
    slug: str, name: str, owner_email: str, owner_name: str, region: str, password_stdin: bool
) -> None:
    """Create a tenant and its owner.

    SLUG names the tenant at sign-in and in its API's host.
    """
    password = _read_password(password_stdin)
    async with running_service(settings_of_environment()):
        created = await tenants.create(
            Operator(),
            slug=slug,
            name=name,
            owner_email=owner_email,
            owner_name=owner_name,
            owner_password=password,
            region=region,
        )
    click.echo(f"Created tenant {created.slug}.")


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        try:
            return sys.stdin.buffer.readline().decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise InvalidInput("password", "A password is text in UTF-8.") from None
    return getpass.getpass("The owner's password: ")


@tenant.command(name="list")
@run
async def print_list() -> None:
    """List all tenants, the oldest first.

    The columns ADMINS and TOKENS count its admins and its live tokens."""
    async with running_service(settings_of_environment()):
        every = await tenants.every(Operator())
    rows = [("SLUG", "NAME", "REGION", "ADMINS", "TOKENS", "CREATED")]
    rows += [
        (
            one.tenant.slug,
            one.tenant.name,
            one.tenant.region,
            str(one.admins),
            str(one.live_tokens),
            f"{one.tenant.created_at:%Y-%m-%d}",
        )
        for one in every
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


@tenant.command()
@click.argument("slug")
@click.argument("requests", type=_requests_per_hour)
@run
async def limit(slug: str, requests: int | None) -> None:
    """Set the limit of requests per hour of tenant SLUG.

    Its tokens share the limit. REQUESTS is a whole number, or `default`.
    """
    async with running_service(settings_of_environment()):
        await tenants.set_limit(Operator(), slug, requests)
    allowed = DEFAULT_REQUESTS_PER_HOUR if requests is None else requests
    click.echo(f"Tenant {slug} may make {allowed} requests an hour.")


@click.group()
def admin() -> None:
    """Manage the admins of a tenant."""


@admin.command()
@click.argument("slug")
@click.argument("email")
@run
async def invite(slug: str, email: str) -> None:
    """Invite an admin of tenant SLUG to set a new password, once.

    EMAIL is the admin's address; the admin may be the owner. The present password holds until then.
    The admin's tokens stay.
    """
    async with running_service(settings_of_environment()) as service:
        invited = await admins.invite_again(Operator(), service, slug, email)
    click.echo(
        f"Admin       {invited.admin.email}, {invited.admin.role.value}\n"
        f"Invitation  {invited.invitation}   (shown this once)\n"
        f"Expires     {invited.expires_at:%Y-%m-%d %H:%M} UTC, or once it is used:"
        " open /invitation#INVITATION of the console, or POST it there"
    )
