"""The parser that every command's module adds its commands to."""

import argparse
from typing import Any

# A `_SubParsersAction` of `argparse`: the commands of one parser.
Commands = Any


def group(commands: Commands, name: str, summary: str) -> Commands:
    """Add a command that has commands of its own; gives the parser to add these to."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary)
    return parser.add_subparsers(required=True, metavar="COMMAND")
