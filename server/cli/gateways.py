"""`tessera gateway`: the credentials of services that may introspect tokens."""

import click

from server.cli.commands import operator, run, settings_of_environment
from server.operations import introspection_clients
from server.starting import running_service


@click.group()
def gateway() -> None:
    """Manage the credentials of services that introspect tokens."""


@gateway.command()
@click.argument("name")
@run
async def create(name: str) -> None:
    """Create a credential named NAME and show its secret, once."""
    async with running_service(settings_of_environment()) as service:
        created = await introspection_clients.create(operator(), service, name)
    click.echo(f"Gateway     {created.credential.name}")
    click.echo(f"Secret      {created.secret}   (shown this once)")


@gateway.command(name="list")
@run
async def print_list() -> None:
    """List all credentials, revoked ones too."""
    async with running_service(settings_of_environment()):
        for one in await introspection_clients.every(operator()):
            revoked = one.revoked_at
            state = f"revoked {revoked:%Y-%m-%d}" if revoked else "live"
            click.echo(f"{one.name:24} created {one.created_at:%Y-%m-%d}  {state}")


@gateway.command()
@click.argument("name")
@run
async def revoke(name: str) -> None:
    """Revoke the credential NAME at once."""
    async with running_service(settings_of_environment()):
        await introspection_clients.revoke(operator(), name)
    click.echo(f"Revoked gateway {name}.")
