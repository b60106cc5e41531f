"""`tessera migrate`, `distribute`, `backup` and `restore`: the database itself."""

import os
from pathlib import Path

import click

from server import database
from server.cli.commands import run, settings_of_environment
from server.errors import Misconfigured

_STATES = {
    None: database.State.ENFORCED,
    "prepare": database.State.PREPARED,
    "off": database.State.OFF,
}
_TOLD = {
    database.State.ENFORCED: "Row-level security is on.",
    database.State.PREPARED: "Row-level security is prepared, and takes no effect yet.",
    database.State.OFF: "Row-level security is off.",
}


@click.command()
@run
async def migrate() -> None:
    """Bring the database's schema up to date.

    Several instances may run it at once. `tessera serve` migrates an embedded database
    automatically.
    """
    applied = await database.migrate(settings_of_environment())
    for name in applied:
        click.echo(f"Applied {name}.")
    if not applied:
        click.echo("The database is up to date.")


@click.command()
@run
async def distribute() -> None:
    """Distribute the tables over the nodes of Citus.

    Each table of tenants' rows is distributed by its tenant. Run the command after each `tessera
    migrate` that adds a table. It may be repeated.
    """
    done = await database.distribute(settings_of_environment())
    for sentence in done:
        click.echo(sentence)
    if not done:
        click.echo("All tables are distributed.")


@click.command(name="row-security")
@click.option("--prepare", "wanted", flag_value="prepare", help="Only create the policies.")
@click.option("--off", "wanted", flag_value="off", help="Drop the policies.")
@run
async def row_security(wanted: str | None) -> None:
    """Turn row-level security of PostgreSQL on or off.

    Run it as the owner of the tables. It may be repeated. Instances that started before
    `--prepare` would find no rows any more: prepare, start them anew, and then run it without an
    option. `tessera migrate` covers the tables that it adds.
    """
    state = _STATES[wanted]
    count = await database.secure_rows(settings_of_environment(), state)
    click.echo(f"{_TOLD[state]} {count} tables changed.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@run
async def backup(file: Path) -> None:
    """Copy an embedded database to FILE, which must not exist.

    The database may be served meanwhile.
    """
    settings = settings_of_environment()
    if not settings.embedded:
        raise Misconfigured(
            "PostgreSQL is backed up with its own tools:"
            " `pg_dump --format=custom --file=FILE` with the address of the database."
        )
    database.back_up(settings, file)
    click.echo(f"Wrote {_shown(file)}.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@run
async def restore(file: Path) -> None:
    """Restore an embedded database from FILE.

    FILE is a copy that `tessera backup` made. No process may have the current database open; it is
    kept beside the restored one. `tessera serve` refuses the database until `tessera restored` has
    supplied the revocations that the backup lacks.
    """
    settings = settings_of_environment()
    if not settings.embedded:
        raise Misconfigured(
            "PostgreSQL is restored with its own tools, such as `pg_restore`."
            " `tessera restored` follows."
        )
    former = await database.restore(settings, file)
    if former is not None:
        click.echo(f"The former database is {_shown(former)}.")
    click.echo(
        "Restored the database. Now run `tessera restored --revocations FILE`, or"
        " `tessera restored --accept` where no token was revoked since the backup."
    )


def _shown(file: Path) -> str:
    return os.fsencode(file).decode(errors="backslashreplace")
