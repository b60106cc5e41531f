"""All commands: help, misuse, documentation, version, completion, and the schema."""

import re
import subprocess
import sys
from importlib.metadata import version

import click
import pytest

from tests.support.command import SENTENCE, every_command, misused, run, tessera_here
from tests.support.process import ROOT


def test_schema_command_prints_the_shipped_schema(url: str) -> None:
    assert run(url, "schema") == (ROOT / "schema.graphql").read_text()


@pytest.mark.parametrize(
    "command",
    [
        "tenant create \udcff --name A --owner-email a@b.co --owner-name A --password-stdin",
        "tenant create acme --name \udcff --owner-email a@b.co --owner-name A --password-stdin",
        "tenant create acme --name A --owner-email \udcff@b.co --owner-name A --password-stdin",
        "tenant create acme --name A --owner-email a@b.co --owner-name A --password-stdin",
        "tenant limit \udcff 5", "admin invite \udcff a@b.example", "admin invite acme \udcff",
        "token list --tenant \udcff", "token list --tenant acme --search \udcff",
        "token show \udcff --tenant acme", "token pause \udcff --tenant \udcff",
        "token revoke --secret-stdin", "gateway create \udcff", "gateway revoke \udcff",
        "catalogue check \udcff",
    ],
)  # fmt: skip
def test_argument_that_is_no_text_is_reported_in_one_sentence(command: str, url: str) -> None:
    password = "\udcff seven purple otters dance\n"
    done = tessera_here(*command.split(), database_url=url, stdin=password)
    assert done.returncode == 1
    assert SENTENCE.fullmatch(done.stderr)


@pytest.mark.parametrize("words", [(), *(words for words, _ in every_command())], ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...]) -> None:
    done = tessera_here(*words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    usage, summary, _ = done.stdout.split("\n\n", 2)
    assert usage.startswith(f"Usage: {' '.join(('tessera', *words))} ")
    assert summary.endswith(".")
    assert "..." not in done.stdout.partition("Commands:")[2], "a summary is cut off"


def test_group_without_a_command_is_a_usage_error() -> None:
    groups = [words for words, command in every_command() if isinstance(command, click.Group)]
    assert len(groups) == 6
    for words in [(), *groups]:
        assert "Commands:" in misused(*words)
    assert "No such command 'nothing'" in misused("nothing")
    assert "Missing argument 'SLUG'" in misused("admin", "invite")


def test_every_command_is_documented() -> None:
    table = (ROOT / "docs/operating.md").read_text()
    table = table.partition("## Commands\n")[2].partition("\n## ")[0]
    documented = set()
    for row in re.findall(r"^\| (`tessera .*?) \|", table, re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", row)
        words = [word for word in first.split()[1:] if re.fullmatch(r"[a-z][a-z-]*", word)]
        documented |= {" ".join(words)}
        documented |= {" ".join([*words[:-1], other.split()[0]]) for other in others}
    alone = {
        " ".join(words)
        for words, command in every_command()
        if not isinstance(command, click.Group)
    }
    assert documented - {""} == alone


def test_version_is_that_of_the_distribution() -> None:
    done = tessera_here("--version")
    assert (done.returncode, done.stdout) == (0, f"tessera {version('tessera')}\n")


def test_a_command_waits_for_no_code_of_others() -> None:
    """A shell that completes a line imports the command each time."""
    imported = "import sys; from server.cli import main; status = main(sys.argv[1:])"
    told = "; print(sorted({'tortoise', 'graphql'} & {*sys.modules}))"
    for words, modules in {
        ("--version",): [],
        ("tenant", "--help"): ["tortoise"],
        ("schema", "--help"): ["graphql", "tortoise"],
    }.items():
        command = [sys.executable, "-c", imported + told, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == str(modules)


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("tessera ten", "tenant"),
        ("tessera tenant li", "limit list"),
        ("tessera serve --d", "--demo"),
    ],
)
def test_shell_completes_commands_and_options(typed: str, completed: str) -> None:
    asked = {
        "_TESSERA_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    done = tessera_here(settings=asked)
    assert done.stdout.split() == [f"plain,{word}" for word in completed.split()]
