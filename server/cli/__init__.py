"""The `tessera` command. It acts through the operations that the API uses: no back door."""

import argparse
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from server.catalogue import CatalogueError
from server.cli import catalogue, database, digest_keys, gateways, serve, tenants
from server.database import is_unavailable, sentence_of
from server.errors import Misconfigured, Refusal
from server.graphql.schema import sdl

_Command = Callable[[argparse.Namespace], Coroutine[Any, Any, int]]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; gives its exit status. Errors that an operator can mend are one sentence."""
    parsed = _parser().parse_args(arguments)
    command: _Command = parsed.command
    try:
        status = uvloop.run(command(parsed))
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The reader has closed the pipe, as `head` does. Python would report it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Misconfigured, CatalogueError) as error:
        return _complain(str(error))
    except Refusal as refusal:
        return _complain(refusal.message)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if is_unavailable(error):
            return _complain(sentence_of(error))
        raise


def _complain(sentence: str) -> int:
    print(f"tessera: {sentence}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tessera", description="A multi-tenant API-token service."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (serve, database, digest_keys, tenants, gateways, catalogue):
        module.add_to(commands)
    schema = commands.add_parser("schema", help="print the GraphQL schema")
    schema.set_defaults(command=_print_schema)
    return parser


async def _print_schema(_parsed: argparse.Namespace) -> int:
    print(sdl(), end="")
    return 0
