"""`tessera catalogue`: the permissions of an API's description, and those tokens would lose."""

import argparse
import os
from pathlib import Path

from server import database
from server.access.principal import Operator
from server.catalogue import Catalogue, read_catalogue
from server.catalogue.report import grid
from server.cli.commands import Commands, group
from server.operations import permissions
from server.settings import read_settings


def add_to(commands: Commands) -> None:
    """Add the commands."""
    catalogue = group(commands, "catalogue", "look at an API's description")
    check = catalogue.add_parser(
        "check", help="print the permissions that an OpenAPI document gives, and what it cannot"
    )
    check.add_argument("file", metavar="FILE", type=Path, help="the OpenAPI document")
    check.set_defaults(command=_check_catalogue)


async def _check_catalogue(parsed: argparse.Namespace) -> int:
    catalogue = read_catalogue(parsed.file)
    print(grid(catalogue))
    print(await _dropped(catalogue))
    return 1 if catalogue.refusals else 0


async def _dropped(catalogue: Catalogue) -> str:
    """Which live tokens would lose something by this catalogue, as far as there is a database."""
    settings = read_settings(os.environ)
    if not database.exists(settings):
        return "tokens were not looked at: there is no database"
    try:
        async with database.connected(settings, patient=True):
            await database.ping()
            if await database.unapplied_migrations():
                return "tokens were not looked at: the database lacks migrations"
            count, shown = await permissions.holders_of_dropped(Operator(), catalogue)
    except Exception as error:
        if not database.is_unavailable(error):
            raise
        return "tokens were not looked at: the database does not answer"
    lines = [f"{count} live tokens hold permissions that this document has not"]
    lines += [
        f"dropped: tenant {one.tenant}, token {one.hint} {one.name}: {', '.join(one.keys)}"
        for one in shown
    ]
    if count > len(shown):
        lines.append(f"and {count - len(shown)} more")
    return "\n".join(lines)
