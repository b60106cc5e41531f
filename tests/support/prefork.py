"""`tessera` in copies of one process that has imported it: a start takes a tenth of the time.

A copy runs the same code in a process of its own, with its own environment, folder, streams and
process group; it migrates as `quick_migrations` does, and hashes as `quick_passwords` does. Workers
of tests run so too. Start `TESSERA` (see `process`) instead where command line, memory, Tortoise's
migrations or the time of hashing are tested.
"""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

_PRELOADED = [
    *("server.cli.serve", "server.cli.database", "server.cli.tenants", "server.cli.tokens"),
    *("tests.support.quick_migrations", "tests.support.quick_passwords"),
]
_copies = multiprocessing.get_context("forkserver")
_copies.set_forkserver_preload(_PRELOADED)


class Streams(NamedTuple):
    """The files of a process's standard streams; output is appended."""

    stdin: Path
    stdout: Path
    stderr: Path


class Copy:
    """A running `tessera`, with the part of `subprocess.Popen` that tests use."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        streams: Streams,
        module: str = "server.cli",
    ) -> None:
        """module: the one whose `main` takes the arguments, of `tessera` by default."""
        ready, at_child = _copies.Pipe(duplex=False)
        # A daemon: it ends with the tests, should anything leave it running.
        self._process = _copies.Process(
            target=_run,
            args=([*arguments], {**environment}, folder, streams, at_child, module),
            daemon=True,
        )
        self._process.start()
        at_child.close()
        ready.recv()  # From here on, its process group is its own.
        ready.close()

    @property
    def pid(self) -> int:
        """Its process id, and that of its process group."""
        pid = self._process.pid
        assert pid is not None
        return pid

    @property
    def returncode(self) -> int | None:
        """The exit status; negative for a signal, None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The exit status, as `returncode`."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises `subprocess.TimeoutExpired` after `timeout` seconds."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("tessera", timeout or 0)
        return self.returncode

    def send_signal(self, sign: int) -> None:
        """Signal it, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, sign)


def run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    stdin: str,
    timeout_seconds: float,
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end. Raises `subprocess.TimeoutExpired`, and kills it then."""
    with TemporaryDirectory(prefix="tessera-command-") as place:
        streams = Streams(*(Path(place) / name for name in ("stdin", "stdout", "stderr")))
        streams.stdin.write_text(stdin)
        copy = Copy(arguments, environment, folder, streams)
        try:
            status = copy.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            copy.send_signal(9)
            raise
        output, errors = streams.stdout.read_text(), streams.stderr.read_text()
    return subprocess.CompletedProcess([*arguments], status, output, errors)


def _run(
    arguments: list[str],
    environment: dict[str, str],
    folder: Path,
    streams: Streams,
    ready: Connection,
    module: str,
) -> None:
    # Where they are imported already: in the process that is copied.
    main = import_module(module).main
    from tests.support import quick_migrations, quick_passwords

    quick_migrations.install()
    quick_passwords.install()
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    _open_streams(streams)
    ready.send(None)
    ready.close()
    sys.exit(main(arguments))


def _open_streams(streams: Streams) -> None:
    os.dup2(os.open(streams.stdin, os.O_RDONLY), 0)
    for number, file in ((1, streams.stdout), (2, streams.stderr)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), number)
    # multiprocessing has put another file in the place of standard input.
    sys.stdin = os.fdopen(0, closefd=False)
    for stream in (sys.stdout, sys.stderr):
        assert isinstance(stream, TextIOWrapper)
        stream.reconfigure(write_through=True)
