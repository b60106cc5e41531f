"""`tessera restored`: supplies the revocations that a restored database lacks."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from server.access.revocation_journal import MAX_LINE_BYTES, journal
from server.cli.commands import operator, run, settings_of_environment
from server.errors import Misconfigured
from server.operations import restoration
from server.starting import running_database


@click.command()
@click.option(
    "--revocations",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A journal, an export of the activity, or the bodies of webhook events. Repeatable.",
)
@click.option("--accept", is_flag=True, help="Declare that no token was revoked since the backup.")
@click.option(
    "--mark",
    is_flag=True,
    help="Mark the database as restored, so that `tessera serve` refuses it.",
)
@run
async def restored(files: Sequence[Path], accept: bool, mark: bool) -> None:
    """Supply the revocations that a restored database lacks.

    Until then, `tessera serve` refuses the database. The command revokes every token that FILE
    names, and ends all sessions. The lines of FILE are JSON objects: from TESSERA_REVOCATIONS_FILE,
    from /activity.ndjson, or bodies of webhook events.
    """
    if [bool(files), accept, mark].count(True) != 1:
        raise click.UsageError("Give one of --revocations, --accept and --mark.")
    settings = settings_of_environment()
    for file in files:
        if not file.is_file():
            raise Misconfigured(f"The file does not exist: {file}.")
    async with running_database(settings):
        if mark:
            await restoration.mark(operator())
            click.echo("`tessera serve` refuses this database until you run `tessera restored`.")
            return
        with journal(settings.revocations_file):
            for file in files:
                counts = await restoration.replay(operator(), _lines(file))
                click.echo(
                    f"{file}: {counts['revoked']} tokens revoked, {counts['known']} known or gone,"
                    f" {counts['unreadable']} lines unreadable."
                )
        people = await restoration.accept(operator())
    click.echo(f"The database may be served. The sessions of {people} people were ended.")


def _lines(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as read:
            while line := read.readline(MAX_LINE_BYTES + 1):
                if line.strip():
                    yield line
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read: {error.strerror}.") from None
