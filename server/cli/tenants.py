"""`tessera tenant` and `tessera admin`: tenants, their limits, and invitations of admins."""

import getpass
import os
import sys
from pathlib import Path

import click

import models
from server.cli.commands import operator, run, settings_of_environment
from server.errors import InvalidInput, Misconfigured
from server.operations import admins, tenant_deletion, tenants
from server.private_files import atomically_created
from server.service import DEFAULT_REQUESTS_PER_HOUR
from server.starting import running_service


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
@click.option(
    "--owner-email",
    required=True,
    metavar="EMAIL",
    help="E-mail address that the owner signs in with.",
)
@click.option("--owner-name", required=True, metavar="NAME", help="Name of the owner.")
@click.option(
    "--region",
    default=tenants.DEFAULT_REGION,
    show_default=True,
    help="Region where the tenant's API runs.",
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
            operator(),
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
        every = await tenants.every(operator())
    rows = [("SLUG", "NAME", "REGION", "ADMINS", "TOKENS", "CREATED", "STATE")]
    rows += [
        (
            one.tenant.slug,
            one.tenant.name,
            one.tenant.region,
            str(one.admins),
            str(one.live_tokens),
            f"{one.tenant.created_at:%Y-%m-%d}",
            _state_of(one.tenant),
        )
        for one in every
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _state_of(one: models.Tenant) -> str:
    if one.deletion_began_at is not None:
        return "deleting"
    return "active" if one.suspended_at is None else "suspended"


@tenant.command()
@click.argument("slug")
@click.option("--name", required=True, help="The new name of the organisation.")
@run
async def rename(slug: str, name: str) -> None:
    """Change the name of tenant SLUG.

    The slug stays: it is part of its API's host.
    """
    async with running_service(settings_of_environment()):
        await tenants.rename(operator(), slug, name)
    click.echo(f"Renamed tenant {slug}.")


@tenant.command()
@click.argument("slug")
@run
async def suspend(slug: str) -> None:
    """Refuse the tokens and the sign-ins of tenant SLUG at once.

    No events and no e-mail are sent. All rows are kept for `tessera tenant resume`.
    """
    async with running_service(settings_of_environment()):
        suspended = await tenants.suspend(operator(), slug)
    click.echo(f"Tenant {slug} is suspended since {suspended.suspended_at:%Y-%m-%d %H:%M} UTC.")


@tenant.command()
@click.argument("slug")
@run
async def resume(slug: str) -> None:
    """End the suspension of tenant SLUG."""
    async with running_service(settings_of_environment()):
        await tenants.resume(operator(), slug)
    click.echo(f"Tenant {slug} is active.")


@tenant.command()
@click.argument("slug")
@click.argument("requests", type=_requests_per_hour)
@run
async def limit(slug: str, requests: int | None) -> None:
    """Set the limit of requests per hour of tenant SLUG.

    Its tokens share the limit. REQUESTS is a whole number, or `default`.
    """
    async with running_service(settings_of_environment()):
        await tenants.set_limit(operator(), slug, requests)
    allowed = DEFAULT_REQUESTS_PER_HOUR if requests is None else requests
    click.echo(f"Tenant {slug} may make {allowed} requests an hour.")


@tenant.command()
@click.argument("slug")
@click.option(
    "--export",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    help="File for the export of all rows, as NDJSON. It must not exist.",
)
@run
async def delete(slug: str, file: Path) -> None:
    """Delete tenant SLUG and all its rows for good.

    First the tenant is suspended, as by `suspend`, and FILE is written. Run the same command again
    to continue a deletion that was cut off.
    """
    async with running_service(settings_of_environment()):
        if not await _is_under_way(slug):
            _require_free(file)
            suspended = await tenants.suspend(operator(), slug)
            await _export(suspended, file)
            await tenant_deletion.begin(operator(), suspended)
        ending = await tenants.suspend(operator(), slug)
        rows = await tenant_deletion.delete(operator(), ending)
    click.echo(f"Deleted tenant {slug}: {rows} rows.")


async def _is_under_way(slug: str) -> bool:
    found = await tenants.find(operator(), slug)
    return found is not None and found.deletion_began_at is not None


def _require_free(file: Path) -> None:
    if os.path.lexists(file):
        raise Misconfigured(f"The file exists already: {file}.")


async def _export(one: models.Tenant, file: Path) -> None:
    try:
        with atomically_created(file) as partial, partial.open("wb") as written:
            async for lines in tenant_deletion.export(operator(), one):
                written.write(lines)
            written.flush()
    except FileExistsError:
        raise Misconfigured(f"The file exists already: {file}.") from None
    except OSError as error:
        raise Misconfigured(f"The export cannot be written: {error.strerror}.") from None
    click.echo(f"Wrote {file}.")


@click.group()
def admin() -> None:
    """Manage the admins of a tenant."""


@admin.command()
@click.argument("slug")
@click.argument("email")
@run
async def invite(slug: str, email: str) -> None:
    """Invite an admin of tenant SLUG to set a new password.

    EMAIL is the admin's address; the admin may be the owner. The current password stays valid until
    the new one is set. The admin's tokens stay.
    """
    settings = settings_of_environment()
    async with running_service(settings) as service:
        invited = await admins.invite_again(operator(), service, slug, email)
    page = "/invitation#INVITATION"
    where = f"{settings.public_url}{page}" if settings.public_url else f"{page} of the console"
    click.echo(
        f"Admin       {invited.admin.email}, {invited.admin.role.value}\n"
        f"Short name  {slug}   (to sign in with, beside the e-mail address)\n"
        f"Invitation  {invited.invitation}   (shown this once)\n"
        f"Expires     {invited.expires_at:%Y-%m-%d %H:%M} UTC, or once it is used:"
        f" open {where}, or POST it there"
    )
    if invited.is_mailed:
        click.echo("E-mail      to the admin, as soon as `tessera serve` runs")


@admin.command()
@click.argument("slug")
@click.argument("email")
@run
async def erase(slug: str, email: str) -> None:
    """Erase name and address of a removed admin, for good.

    SLUG names the tenant. EMAIL is the address that the admin had. The activity stays complete,
    because it holds only the admin's id.
    """
    async with running_service(settings_of_environment()):
        count = await admins.erase(operator(), slug, email)
    click.echo(f"Erased {'the admin' if count == 1 else f'{count} admins'} of that address.")
