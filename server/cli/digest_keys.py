"""`tessera digest-key`: the key of all digests, and its replacement."""

import click

from models import KeyState
from server.cli.commands import operator, run, settings_of_environment
from server.errors import Misconfigured
from server.operations import digest_keys
from server.settings import Settings
from server.starting import running_database

_MEANING = {
    KeyState.ANNOUNCED: "announced: instances may be started with it",
    KeyState.CURRENT: "current: digests are made with it",
    KeyState.REPLACED: "replaced: some digests are to be renewed, see `tessera digest-key finish`",
    KeyState.FORMER: "former: no longer needed",
}
_FINGERPRINT_BYTES = 4


@click.group(name="digest-key")
def digest_key() -> None:
    """Adopt or replace the key of all digests."""


@digest_key.command(name="set")
@run
async def adopt() -> None:
    """Announce TESSERA_DIGEST_KEY in place of the key in the database."""
    settings = settings_of_environment()
    if len(settings.digest_key) != 1:
        raise Misconfigured("TESSERA_DIGEST_KEY must be the key to adopt.")
    await _announce(settings)


@digest_key.command()
@run
async def rotate() -> None:
    """Announce the first key of TESSERA_DIGEST_KEY=NEW,OLD."""
    settings = settings_of_environment()
    if len(settings.digest_key) != 2:
        raise Misconfigured("TESSERA_DIGEST_KEY must be the new key, a comma and the current one.")
    await _announce(settings)


async def _announce(settings: Settings) -> None:
    async with running_database(settings):
        is_new = await digest_keys.announce(operator(), settings)
    if is_new:
        click.echo(
            "Announced the key.\n"
            "Now restart each instance with TESSERA_DIGEST_KEY set to it alone."
            " Then run `tessera digest-key finish`."
        )
    else:
        click.echo("The key is current already; nothing was changed.")


@digest_key.command()
@run
async def finish() -> None:
    """Renew all digests with the announced key.

    Run it when every instance has that key.
    """
    settings = settings_of_environment()
    async with running_database(settings):
        renewed = await digest_keys.finish(operator(), settings)
    click.echo(f"Renewed {renewed} digests. The former key is no longer needed.")


@digest_key.command()
@run
async def status() -> None:
    """Print the keys' fingerprints and how far they are used."""
    async with running_database(settings_of_environment()):
        for row in await digest_keys.every(operator()):
            where = ", kept in the database" if row.key else ""
            shown = bytes(row.fingerprint)[:_FINGERPRINT_BYTES].hex()
            click.echo(f"{row.generation:<3} {shown}  {_MEANING[row.state]}{where}")
