"""`tessera digest-key`: which key secrets are digested under, and how it is replaced."""

import argparse
import os

from models import KeyState
from server.access.principal import Operator
from server.app import running_database
from server.cli.commands import Commands, group
from server.errors import Misconfigured
from server.operations import digest_keys
from server.settings import Settings, read_settings

_MEANING = {
    KeyState.ANNOUNCED: "announced: instances may be started with it",
    KeyState.CURRENT: "current: digests are made with it",
    KeyState.REPLACED: "replaced: some digests are to be renewed, see `tessera digest-key finish`",
    KeyState.FORMER: "former: no longer needed",
}
_FINGERPRINT_BYTES = 4


def add_to(commands: Commands) -> None:
    """Add the commands."""
    keys = group(commands, "digest-key", "adopt or replace the key of all digests")
    adopt = keys.add_parser(
        "set", help="announce TESSERA_DIGEST_KEY in place of the key that the database keeps"
    )
    adopt.set_defaults(command=_set)
    rotate = keys.add_parser("rotate", help="announce the first key of TESSERA_DIGEST_KEY=NEW,OLD")
    rotate.set_defaults(command=_rotate)
    finish = keys.add_parser(
        "finish", help="once each instance has the announced key: renew all digests with it"
    )
    finish.set_defaults(command=_finish)
    status = keys.add_parser(
        "status", help="print the keys' fingerprints and how far they are used"
    )
    status.set_defaults(command=_print_status)


async def _set(_parsed: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    if len(settings.digest_key) != 1:
        raise Misconfigured("TESSERA_DIGEST_KEY must be the key to adopt.")
    return await _announce(settings)


async def _rotate(_parsed: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    if len(settings.digest_key) != 2:
        raise Misconfigured("TESSERA_DIGEST_KEY must be the new key, a comma and the current one.")
    return await _announce(settings)


async def _announce(settings: Settings) -> int:
    async with running_database(settings):
        is_new = await digest_keys.announce(Operator(), settings)
    if is_new:
        print(
            "announced the key\n"
            "Now restart each instance with TESSERA_DIGEST_KEY set to it alone."
            " Then run `tessera digest-key finish`."
        )
    else:
        print("the key is the current one: nothing to do")
    return 0


async def _finish(_parsed: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    async with running_database(settings):
        renewed = await digest_keys.finish(Operator(), settings)
    print(f"renewed {renewed} digests; the key before is no longer needed")
    return 0


async def _print_status(_parsed: argparse.Namespace) -> int:
    async with running_database(read_settings(os.environ)):
        for row in await digest_keys.every(Operator()):
            where = ", kept in the database" if row.key else ""
            shown = bytes(row.fingerprint)[:_FINGERPRINT_BYTES].hex()
            print(f"{row.generation:<3} {shown}  {_MEANING[row.state]}{where}")
    return 0
