"""The `tessera` command. It calls the operations that the API uses."""

from collections.abc import Sequence

# exempt names_made_at_run_time: the names are those of `_MODULES`
from importlib import import_module

import click

from server.cli.complaint import Complaint

_INTERRUPTED = 130
# Each command with the module that has it under this name.
_MODULES = {
    "activity": "activity",
    "admin": "tenants",
    "backup": "database",
    "catalogue": "catalogue",
    "digest-key": "digest_keys",
    "distribute": "database",
    "explain": "explain",
    "gateway": "gateways",
    "migrate": "database",
    "restore": "database",
    "restored": "restored",
    "row-security": "database",
    "schema": "schema",
    "serve": "serve",
    "tenant": "tenants",
    "token": "tokens",
}


class _Commands(click.Group):
    """Imports a command where it is needed, as click's documentation shows.

    All of them together take a second, for which a shell would wait at each completion.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None if there is none."""
        module = _MODULES.get(cmd_name)
        if module is None:
            return None
        # exempt names_made_at_run_time: the names are those of `_MODULES`
        found = getattr(import_module(f"server.cli.{module}"), cmd_name.replace("-", "_"))
        return found if isinstance(found, click.Command) else None


@click.group(cls=_Commands)
@click.version_option(package_name="tessera", message="%(prog)s %(version)s")
def tessera() -> None:
    """A multi-tenant API-token service.

    Settings come from TESSERA_... variables of the environment; docs/operating.md lists them.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 2 for a misuse, 1 for an error.

    An error that an operator can mend is one sentence on standard error.
    """
    try:
        # Without `standalone_mode`, click returns the status, and leaves errors to this function.
        status: int = tessera.main(arguments, prog_name="tessera", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as abort:
        if isinstance(abort.__cause__, KeyboardInterrupt):
            return _INTERRUPTED
        ended = Complaint("The input ended before it was complete.")
        ended.show()
        return ended.exit_code
    return status
