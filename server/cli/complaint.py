"""The error that ends a command with a sentence on standard error."""

from typing import IO, Any

import click


class Complaint(click.ClickException):
    """An error that an operator can mend: one sentence, and exit status 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"tessera: {self.message}", file=file, err=True)
