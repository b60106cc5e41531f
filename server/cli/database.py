"""`tessera migrate` and `tessera backup`: the database itself."""

import argparse
import os
from pathlib import Path

from server import database
from server.cli.commands import Commands
from server.errors import Misconfigured
from server.settings import read_settings


def add_to(commands: Commands) -> None:
    """Add the commands."""
    migrate = commands.add_parser("migrate", help="bring the database's schema up to date")
    migrate.set_defaults(command=_migrate)

    backup = commands.add_parser("backup", help="copy an embedded database, while it is served too")
    backup.add_argument("file", metavar="FILE", type=Path, help="the copy, which must not exist")
    backup.set_defaults(command=_back_up)


async def _migrate(_parsed: argparse.Namespace) -> int:
    applied = await database.migrate(read_settings(os.environ))
    print("\n".join(f"applied {name}" for name in applied) or "nothing to apply")
    return 0


async def _back_up(parsed: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    if not settings.embedded:
        raise Misconfigured(
            "PostgreSQL is backed up with its own tools:"
            " `pg_dump --format=custom --file=FILE` with the address of the database."
        )
    database.back_up(settings, parsed.file)
    print(f"wrote {os.fsencode(parsed.file).decode(errors='backslashreplace')}")
    return 0
