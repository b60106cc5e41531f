"""`tessera catalogue`: permissions of an API's document, and those that tokens would lose."""

from pathlib import Path

import click

from server import database
from server.access.principal import Operator
from server.catalogue import Catalogue, read_catalogue
from server.catalogue.report import listing
from server.cli.commands import run, settings_of_environment
from server.operations import catalogue_versions, permissions


@click.group()
def catalogue() -> None:
    """Inspect an API's OpenAPI document."""


@catalogue.command()
@click.argument("file", type=click.Path(path_type=Path))
@run
async def check(file: Path) -> int:
    """Print the permissions of the OpenAPI document FILE.

    Also print each part that cannot be used, with the reason; the differences to the newest version
    that was served; and the live tokens that hold permissions which the document lacks. The exit
    status is 1 if a part cannot be used.
    """
    read = read_catalogue(file)
    click.echo(listing(read))
    click.echo(await _dropped(read))
    return 1 if read.faults else 0


async def _dropped(read: Catalogue) -> str:
    """Return lines on live tokens whose permissions the catalogue lacks, or why none is known."""
    settings = settings_of_environment()
    if not database.exists(settings):
        return "tokens were not checked: there is no database"
    try:
        async with database.connected(settings, patient=True):
            await database.ping()
            if await database.unapplied_migrations():
                return "tokens were not checked: the database lacks migrations"
            await database.settle_row_security()
            count, shown = await permissions.holders_of_dropped(Operator(), read)
            changes = await catalogue_versions.changes_to_newest(Operator(), read)
    except Exception as error:
        if not database.is_unavailable(error):
            raise
        return "tokens were not checked: the database does not answer"
    told = ", ".join(f"{number} {kind}" for kind, number in changes.counts().items())
    lines = [
        f"compared with the newest version that was served: {told}",
        *(f"renamed: {one.before.key} to {one.after.key}" for one in changes.renamed),
        *(f"moved: {one.after.key}" for one in changes.moved),
        f"{count} live tokens hold permissions that this document lacks",
    ]
    lines += [
        f"dropped: tenant {one.tenant}, token {one.hint} {one.name}: {', '.join(one.keys)}"
        for one in shown
    ]
    if count > len(shown):
        lines.append(f"and {count - len(shown)} more")
    return "\n".join(lines)
