"""`tessera tenant` and `tessera admin`: tenants, their limits, and a way in for their admins."""

import argparse
import getpass
import os
import sys

from server.access.principal import Operator
from server.app import running_service
from server.cli.commands import Commands, group
from server.errors import InvalidInput
from server.operations import admins, tenants
from server.service import DEFAULT_REQUESTS_PER_HOUR
from server.settings import read_settings


def add_to(commands: Commands) -> None:
    """Add the commands."""
    tenant = group(commands, "tenant", "manage tenants")
    create = tenant.add_parser("create", help="make a tenant and its owner")
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

    limit = tenant.add_parser("limit", help="set how many requests an hour it may make")
    limit.add_argument("slug", metavar="SLUG", help="the tenant")
    limit.add_argument(
        "requests_per_hour",
        metavar="REQUESTS",
        type=_requests_per_hour,
        help=f"requests an hour, or `default` ({DEFAULT_REQUESTS_PER_HOUR})",
    )
    limit.set_defaults(command=_limit_tenant)

    admin = group(commands, "admin", "manage who manages a tenant")
    invite = admin.add_parser(
        "invite", help="let an admin set a new password, once; their tokens stay"
    )
    invite.add_argument("slug", metavar="SLUG", help="the tenant")
    invite.add_argument("email", metavar="EMAIL", help="the admin, the owner too")
    invite.set_defaults(command=_invite_admin)


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
