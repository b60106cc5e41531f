"""`tessera migrate`: the database itself."""

import argparse
import os

from server import database
from server.cli.commands import Commands
from server.settings import read_settings


def add_to(commands: Commands) -> None:
    """Add the command."""
    migrate = commands.add_parser("migrate", help="bring the database's schema up to date")
    migrate.set_defaults(command=_migrate)


async def _migrate(_parsed: argparse.Namespace) -> int:
    applied = await database.migrate(read_settings(os.environ))
    print("\n".join(f"applied {name}" for name in applied) or "nothing to apply")
    return 0
