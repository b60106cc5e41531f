"""Runs `tessera` commands in this process, many times faster than in processes of their own."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from unittest.mock import patch

import click

from server.cli import main, tessera
from tests.support.process import tessera_environment

PASSWORD = "seven purple otters dance"
OWNER = ["--name", "Acme", "--owner-email", "ada@acme.example", "--owner-name", "Ada"]
SENTENCE = re.compile(r"tessera: [A-Z`/][^\n]+\.\n")


def every_command(
    group: click.Group = tessera, before: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Each command with its words, groups of commands too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*before, name), command
        if isinstance(command, click.Group):
            yield from every_command(command, (*before, name))


def tessera_here(
    *arguments: str,
    database_url: str | None = None,
    settings: Mapping[str, str] | None = None,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """As `process.tessera`, without a process: not for `serve`, nor where an event loop runs."""
    # As the real ones: text over a binary stream.
    out = TextIOWrapper(BytesIO(), "utf-8", write_through=True)
    err = TextIOWrapper(BytesIO(), "utf-8", "backslashreplace", write_through=True)
    with (
        patch.dict(os.environ, tessera_environment(database_url, settings), clear=True),
        patch("sys.stdin", TextIOWrapper(BytesIO(stdin.encode(errors="surrogateescape")))),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            status = main(arguments)
        except SystemExit as ended:  # of click, for a shell's completion
            status = int(ended.code or 0)
    return subprocess.CompletedProcess(arguments, status, _text(out), _text(err))


def _text(stream: TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def run(
    url: str, *arguments: str, stdin: str = "", settings: Mapping[str, str] | None = None
) -> str:
    """The output of a command that must succeed."""
    done = tessera_here(*arguments, database_url=url, stdin=stdin, settings=settings)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def refused(url: str, *arguments: str, stdin: str = "") -> str:
    """The sentence of a command that must fail."""
    done = tessera_here(*arguments, database_url=url, stdin=stdin)
    assert done.returncode == 1, done.stdout
    assert SENTENCE.fullmatch(done.stderr), done.stderr
    return done.stderr


def misused(*arguments: str) -> str:
    """The usage error of a command with wrong arguments."""
    done = tessera_here(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: tessera")
    return done.stderr


def create_tenant(url: str, slug: str = "acme", *more: str, password: str = PASSWORD) -> str:
    return run(
        url, "tenant", "create", slug, *OWNER, *more, "--password-stdin", stdin=f"{password}\n"
    )
