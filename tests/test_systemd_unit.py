"""The systemd unit, judged by systemd's own tools."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.deployment import FOLDER

_UNIT = (FOLDER / "tessera.service").read_text()
_PROGRAM = "/opt/tessera/bin/tessera"
# In tenths of systemd's exposure, which is 9.6 for a service without hardening. It was 1.2 with
# version 252; versions weigh differently.
_THRESHOLD = 20


def _analyze(folder: Path, unit: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs systemd-analyze on a unit. Skips the test where it is missing; fails in CI."""
    program = shutil.which("systemd-analyze")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("there is no systemd-analyze here")
        pytest.skip("there is no systemd-analyze here")
    file = folder / "tessera.service"
    # It checks that the program exists.
    file.write_text(unit.replace(_PROGRAM, sys.executable))
    return subprocess.run(
        [program, "--no-pager", *arguments, str(file)],
        capture_output=True,
        text=True,
        timeout=120,
    )


def _complaints(folder: Path, unit: str) -> list[str]:
    """The findings of `systemd-analyze verify` about this unit, and not about the machine's own."""
    done = _analyze(folder, unit, "verify", "--recursive-errors=no")
    return [line for line in (done.stdout + done.stderr).splitlines() if "tessera" in line]


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    assert _complaints(tmp_path, _UNIT) == []


@pytest.mark.parametrize(
    ("line", "planted"),
    [
        ("ProtectSystem=strict", "ProtectSytem=strict"),
        ("RestrictNamespaces=yes", "RestrictNamespaces=perhaps"),
        (f"ExecStart={_PROGRAM}", "ExecStart=/nowhere/tessera"),
    ],
)
def test_systemd_would_find_a_mistake(tmp_path: Path, line: str, planted: str) -> None:
    assert line in _UNIT
    assert _complaints(tmp_path, _UNIT.replace(line, planted))


def test_systemd_finds_the_service_hardly_exposed(tmp_path: Path) -> None:
    arguments = ("security", "--offline=true", f"--threshold={_THRESHOLD}")
    done = _analyze(tmp_path, _UNIT, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    plain = re.sub(r"(?m)^(Protect|Restrict|Private|SystemCall|NoNew|Capability).*$", "", _UNIT)
    assert _analyze(tmp_path, plain, *arguments).returncode != 0


def test_the_unit_gives_the_service_the_folder_of_its_database() -> None:
    lines = dict(line.split("=", 1) for line in _UNIT.splitlines() if re.match("[A-Z]", line))
    folder = f"/var/lib/{lines['StateDirectory']}"
    assert lines["WorkingDirectory"] == folder
    assert f"TESSERA_DATABASE_URL=sqlite://{folder}/" in lines["Environment"]
    assert lines["User"] not in {"root", "0"}
    assert lines["ExecStart"] == f"{_PROGRAM} serve"
