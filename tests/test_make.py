"""`make`: locked packages from any registry, and set-up once.

Not here: set-up itself, which has run before the tests.
"""

import re
import shutil
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.process import LOOPBACK, ROOT, Child, answer_of, free_port, tessera_environment

_REQUIREMENTS = (
    *("requirements.txt", "requirements-dev.txt", "requirements-otel.txt"),
    "tests/bench/rivals/requirements.txt",
)
_NPM_LOCKS = ("server/console/web", "tests/node", "tests/chromium", "tests/bench/rivals")
# Matches the line that each step of the Makefile's set-up prints.
_SET_UP = re.compile("Installing|once, and again")


@pytest.mark.parametrize("name", _REQUIREMENTS)
def test_every_package_is_locked_by_hash_without_a_registry(name: str) -> None:
    text = (ROOT / name).read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    packages = [pair for pair in pairwise(lines) if not pair[0].startswith(" ")]
    assert len(packages) > 5
    for package, after in packages:
        assert "==" in package
        assert after.startswith("    --hash=sha256:"), package
    assert "://" not in text


@pytest.mark.parametrize("folder", _NPM_LOCKS)
def test_every_npm_package_is_locked_without_a_registry(folder: str) -> None:
    text = (ROOT / folder / "package-lock.json").read_text()
    assert '"integrity": "sha512-' in text
    assert '"resolved"' not in text


# `make` would clear a `.venv` that is a link, such as to that of another copy, and set it up anew.
@pytest.mark.skipif(
    Path(sys.prefix) != ROOT / ".venv" or (ROOT / ".venv").is_symlink() or not shutil.which("make"),
    reason="`make` has not set up this .venv",
)
def test_make_serve_sets_nothing_up_a_second_time(tmp_path: Path) -> None:
    """With an index that answers nothing: a step of set-up would need one and fail."""
    port = free_port()
    environment = tessera_environment(f"sqlite://{tmp_path}/tessera.db")
    environment["PIP_INDEX_URL"] = environment["NPM_CONFIG_REGISTRY"] = f"http://{LOOPBACK}:9/"
    # Variables of the `make` that runs the tests.
    for inherited in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        environment.pop(inherited, None)
    started = time.monotonic()
    command = ["make", "serve", f"SERVE_ARGS=--host {LOOPBACK} --port {port}"]
    with Child(command, log=tmp_path / "log", environment=environment) as child:
        while answer_of(port, "/readyz") != 200:
            assert child.running, child.log()
            assert time.monotonic() - started < 60, child.log()
            time.sleep(0.02)
        assert not _SET_UP.search(child.log())
