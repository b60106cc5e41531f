"""`tessera activity`: the activity of the installation, which belongs to no tenant."""

import click

from server.cli.commands import operator, run, settings_of_environment
from server.export.lines import CONNECTION, Names, line
from server.operations import activity as operations
from server.paging import MAX_PAGE_SIZE, encode_cursor, page_request
from server.starting import running_database


@click.command()
@click.option(
    "--after", metavar="CURSOR", help="Continue after this cursor, taken from an earlier line."
)
@run
async def activity(after: str | None) -> None:
    """Print the installation's activity, one JSON object a line.

    It records introspection clients, digest keys, deleted tenants, and failed sign-ins to accounts
    that do not exist. Each tenant has its own activity, which its admins read.
    """
    async with running_database(settings_of_environment()):
        wanted = page_request(CONNECTION, MAX_PAGE_SIZE, after)
        while True:
            page = await operations.of_installation(operator(), wanted)
            click.echo(b"".join(line(row, Names({})) for row in page.rows), nl=False)
            if not page.has_next:
                return
            wanted = page_request(
                CONNECTION, MAX_PAGE_SIZE, encode_cursor(CONNECTION, page.rows[-1].id)
            )
