"""`tessera gateway`: the credentials of services that may introspect tokens."""

import argparse
import os

from server.access.principal import Operator
from server.app import running_service
from server.cli.commands import Commands, group
from server.operations import gateways
from server.settings import read_settings


def add_to(commands: Commands) -> None:
    """Add the commands."""
    gateway = group(commands, "gateway", "manage who may introspect tokens")
    create = gateway.add_parser("create", help="make a credential; its secret is shown once")
    create.add_argument("name", metavar="NAME", help="what the gateway is called")
    create.set_defaults(command=_create_gateway)
    listing = gateway.add_parser("list", help="print every gateway")
    listing.set_defaults(command=_list_gateways)
    revoke = gateway.add_parser("revoke", help="end a credential at once")
    revoke.add_argument("name", metavar="NAME", help="the gateway")
    revoke.set_defaults(command=_revoke_gateway)


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
