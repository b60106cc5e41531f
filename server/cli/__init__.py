"""The `tessera` command. It calls the operations that the API uses."""

from collections.abc import Sequence

import click

from server.catalogue import CatalogueError
from server.cli import (
    activity,
    catalogue,
    database,
    digest_keys,
    explain,
    gateways,
    restored,
    schema,
    serve,
    tenants,
    tokens,
)
from server.database import is_unavailable, sentence_of
from server.errors import Misconfigured, Refusal

_INTERRUPTED = 130


@click.group(name="tessera")
@click.version_option(package_name="tessera", message="%(prog)s %(version)s")
def commands() -> None:
    """A multi-tenant API-token service.

    Settings come from TESSERA_... variables of the environment; docs/operating.md lists them.
    """


for _command in (
    serve.serve,
    database.migrate,
    database.distribute,
    database.row_security,
    database.backup,
    database.restore,
    restored.restored,
    digest_keys.digest_key,
    tenants.tenant,
    tenants.admin,
    tokens.token,
    explain.explain,
    gateways.gateway,
    activity.activity,
    catalogue.catalogue,
    schema.schema,
):
    commands.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 2 for a misuse, 1 for an error.

    An error that an operator can mend is one sentence on standard error.
    """
    try:
        # Without `standalone_mode`, click returns the status, and leaves errors to this function.
        status: int = commands.main(arguments, prog_name="tessera", standalone_mode=False)
    except click.ClickException as misuse:
        misuse.show()
        return misuse.exit_code
    except click.Abort as abort:
        if isinstance(abort.__cause__, KeyboardInterrupt):
            return _INTERRUPTED
        return _complain("The input ended before it was complete.")
    except (Misconfigured, CatalogueError) as error:
        return _complain(str(error))
    except Refusal as refusal:
        return _complain(refusal.message)
    except Exception as error:
        if is_unavailable(error):
            return _complain(sentence_of(error))
        raise
    return status


def _complain(sentence: str) -> int:
    click.echo(f"tessera: {sentence}", err=True)
    return 1
