"""README and docs: their commands answer as printed, and the settings are complete."""

import re
import shlex
import subprocess
from pathlib import Path

from server.settings import Settings
from tests.support.curl import path_with_curl
from tests.support.process import ROOT, TESSERA, ServerProcess, tessera_environment

_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_END = "-- end of an answer --"
# Parts that differ between runs; everything else must be equal.
_VARYING = [
    (re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]+Z"), "<instant>"),
    (re.compile(r"tsr_[0-9A-Za-z]{49}"), "<secret>"),
    (re.compile(r"tsr_[0-9A-Za-z]{6}…"), "<hint>"),
    (re.compile(r'"[\w-]{40,}"'), '"<id>"'),
    (re.compile(r'"[0-9a-f]{32}"'), '"<request>"'),
]


def test_every_setting_is_documented() -> None:
    settings = re.findall(
        r"^\| `TESSERA_(\w+)` \|", (ROOT / "docs/operating.md").read_text(), re.MULTILINE
    )
    assert sorted(name.lower() for name in settings) == sorted(Settings.__dataclass_fields__)


def test_commands_answer_as_documented(tmp_path: Path) -> None:
    tour = _steps((ROOT / "README.md").read_text())
    assert len(tour) > 10
    _assert_answers(tmp_path, tour)


def test_commands_about_leaked_secrets_answer_as_documented(tmp_path: Path) -> None:
    """They go on where the README has created a token."""
    tour = _steps((ROOT / "README.md").read_text())
    created = next(n for n, (command, _) in enumerate(tour) if command.startswith("SECRET="))
    steps = _steps((ROOT / "docs/secrets.md").read_text())
    assert len(steps) > 5
    _assert_answers(tmp_path, [*tour[: created + 1], *steps])


def test_commands_of_a_rotation_answer_as_documented(tmp_path: Path) -> None:
    """They go on where the README has granted the permissions."""
    tour = _steps((ROOT / "README.md").read_text())
    granted = next(n for n, (command, _) in enumerate(tour) if "editPermissions" in command)
    steps = _steps((ROOT / "docs/rotation.md").read_text())
    assert len(steps) > 10
    _assert_answers(tmp_path, [*tour[: granted + 1], *steps])


def _assert_answers(tmp_path: Path, tour: list[tuple[str, str]]) -> None:
    """Run the commands at a server with its demo tenant; each answers as printed."""
    database_url = f"sqlite://{tmp_path / 'tessera.db'}"
    with ServerProcess(tmp_path, database_url=database_url, arguments=["--demo"]) as server:
        password = re.search(r"^Password +(\S+)", server.log(), re.MULTILINE)
        demo_api = re.search(r"curl -s (http://[^/]+)/api/", server.log())
        assert password
        assert demo_api
        commands = [
            command.replace("http://127.0.0.1:8000", server.url)
            .replace("http://127.0.0.1:8001", demo_api[1])
            .replace("the password that was printed", password[1])
            for command, _ in tour
        ]
        answers = _run(commands, tmp_path, database_url)
    assert [_plain(answer) for answer in answers] == [_plain(expected) for _, expected in tour]


def _steps(readme: str) -> list[tuple[str, str]]:
    """Each command of the README, and its printed answer."""
    steps: list[tuple[str, str]] = []
    for line in "".join(_BLOCK.findall(readme)).splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], ""))
        else:
            command, answer = steps[-1]
            steps[-1] = (command, answer + line + "\n")
    return steps


def _run(commands: list[str], folder: Path, database_url: str) -> list[str]:
    """The output of each command, all run in one shell."""
    script = "\n".join(f"{command}\necho '{_END}'" for command in commands)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={
            **tessera_environment(database_url),
            "PATH": f"{_folder_of_tessera(folder)}:{path_with_curl(folder)}",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split(f"{_END}\n")[:-1]


def _folder_of_tessera(folder: Path) -> Path:
    """A folder for PATH in which `tessera` is the command of this tree."""
    command = folder / "bin" / "tessera"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\ncd {ROOT} && exec {shlex.join(TESSERA)} "$@"\n')
    command.chmod(0o700)
    return command.parent


def _plain(answer: str) -> str:
    for varying, name in _VARYING:
        answer = varying.sub(name, answer)
    return answer
