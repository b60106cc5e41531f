"""What every command's module is given to add its commands to."""

import argparse
from typing import Any

# What `argparse` calls a `_SubParsersAction`: the commands of one parser.
Commands = Any


def group(commands: Commands, name: str, summary: str) -> Commands:
    """Add a command that has commands of its own; gives what these are added to."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary)
    return parser.add_subparsers(required=True, metavar="COMMAND")
