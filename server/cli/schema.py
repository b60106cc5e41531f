"""`tessera schema`: the GraphQL schema."""

import click

from server.cli.commands import run
from server.graphql.schema import sdl


@click.command()
@run
async def schema() -> None:
    """Print the GraphQL schema."""
    click.echo(sdl(), nl=False)
