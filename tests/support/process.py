"""Real child processes for tests: `Child` is any program, `ServerProcess` is `tessera serve`.

A child has a process group of its own and one log file, and never outlives the tests: a leash ends
it even where they are killed. Not here: databases.
"""

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support import prefork
from tests.support.prefork import Copy, Streams

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"

# Reads until the tests' process closes the pipe. A line means that the child was stopped; an end
# without one means that the tests died: then it kills the child's group and removes its folder.
_WATCH = """
read -r said && exit
kill -s CONT -- "-$1"; kill -s "$2" -- "-$1"
tries=0
while kill -s 0 -- "-$1" && [ $((tries += 1)) -lt 100 ]; do sleep 0.1; done
kill -s KILL -- "-$1"
[ -z "$3" ] || rm -rf -- "$3"
"""


class ChildFailed(AssertionError):
    """A child did not start, become ready or stop in time. The message ends with its log."""


class Leash:
    """Ends a process group and removes a folder when this process dies before doing so."""

    def __init__(self, group: int, folder: Path | None, sign: str) -> None:
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "leash", str(group), sign, str(folder or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C must not end it before the tests
        )

    def release(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._watch.communicate(b"released\n", timeout=10)


class Child:
    """A program that runs for the length of a `with` block, or from `start` to `stop`."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path = ROOT,
        user: str | None = None,
        removes: Path | None = None,
        leash_signal: str = "TERM",
    ) -> None:
        """environment: the complete one. removes: a folder to remove if the tests are killed."""
        self.command = [str(part) for part in command]
        self.log_path = log
        self._environment = dict(environment) if environment is not None else None
        self._folder = folder
        self._user = user
        self._removes = removes
        self._leash_signal = leash_signal
        self._process: subprocess.Popen[bytes] | Copy | None = None
        self._leash: Leash | None = None

    @property
    def pid(self) -> int:
        return self._started().pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start it, also again after its end; the log continues."""
        if self.running:
            raise ChildFailed(f"already running: {self.command}")
        self._process = self._spawn()
        self._leash = Leash(self._process.pid, self._removes, self._leash_signal)
        return self

    def stop(self, sign: signal.Signals = signal.SIGTERM, deadline_seconds: float = 60) -> int:
        """Ask it to end and wait; returns its exit status. Fails if it does not end in time."""
        if self.running:
            self.signal(sign)
        try:
            return self._started().wait(deadline_seconds)
        except subprocess.TimeoutExpired:
            raise ChildFailed(self._account(f"did not end within {deadline_seconds} s")) from None
        finally:
            self._end_group()

    def kill9(self) -> None:
        """Kill its whole process group at once."""
        self._started()
        self._end_group()

    def signal(self, sign: signal.Signals) -> None:
        """Signal the program alone, not its children."""
        self._started().send_signal(sign)

    def log(self) -> str:
        """Its output so far, of standard output and standard error."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self.running:
            self.stop()
        elif self._process is not None:
            self.kill9()  # after a failed or interrupted test, do not wait for a graceful end

    def _spawn(self) -> subprocess.Popen[bytes] | Copy:
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                self.command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self._user,
                group=_group_of(self._user),
                extra_groups=None if self._user is None else [],
                start_new_session=True,
            )

    def _started(self) -> subprocess.Popen[bytes] | Copy:
        if self._process is None:
            raise ChildFailed(f"never started: {self.command}")
        return self._process

    def _end_group(self) -> None:
        if self._leash is None:
            return  # it ended before, and another group may have its id
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._started().wait()  # a killed process may take a moment to end
        self._leash.release()
        self._leash = None

    def _account(self, what: str) -> str:
        return f"{' '.join(self.command)}: {what}. Its log ends:\n{self.log()[-4000:]}"


class Worker(Child):
    """A module of `tests.support` with a `main`, in a copy of a process that imported `tessera`."""

    def __init__(self, module: str, arguments: Sequence[str], *, log: Path) -> None:
        self._module, self._arguments = module, arguments
        super().__init__([module, *arguments], log=log, environment=tessera_environment())

    def _spawn(self) -> Copy:
        streams = Streams(Path(os.devnull), self.log_path, self.log_path)
        environment = self._environment or {}
        return Copy(self._arguments, environment, self._folder, streams, self._module)


class ServerProcess(Child):
    """A real `tessera serve` on a free loopback port, on `url` once started.

    Started again after `kill9` or `stop`, it keeps its address, its settings and its log.
    """

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str | None = None,
        settings: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        command: Sequence[str] | None = None,
        ready: str = "/readyz",
        deadline_seconds: float = 90,
        workers: int | None = 1,
    ) -> None:
        """`settings` are `TESSERA_…` variables. Log and working folder are in `folder`.

        command: runs `tessera`; without one, it runs in a copy of a process that has imported it.
        workers: None for as many as it chooses itself.
        """
        self.port = free_port()
        self._ready = ready
        self._deadline_seconds = deadline_seconds
        self._is_copy = command is None
        self._arguments = ["serve", "--host", LOOPBACK, "--port", str(self.port)]
        self._arguments += [] if workers is None else ["--workers", str(workers)]
        self._arguments += arguments
        self._settings = tessera_environment(database_url, settings)
        super().__init__(
            [*(command or TESSERA), *self._arguments],
            log=folder / f"tessera-{self.port}.log",
            environment=self._settings,
            folder=folder,
        )

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> Self:
        super().start()
        try:
            self.wait_until_ready()
        except BaseException:  # also on an interrupt: nothing else would end the process yet
            self.kill9()
            raise
        return self

    def _spawn(self) -> subprocess.Popen[bytes] | Copy:
        if not self._is_copy:
            return super()._spawn()
        streams = Streams(Path(os.devnull), self.log_path, self.log_path)
        return Copy(self._arguments, self._settings, self._folder, streams)

    def wait_until_ready(self) -> None:
        patience = time.monotonic() + self._deadline_seconds
        while (status := answer_of(self.port, self._ready)) != 200:
            if not self.running:
                raise ChildFailed(self._account(f"ended with status {self._started().returncode}"))
            if time.monotonic() > patience:
                late = f"{self._ready} was {status} after {self._deadline_seconds} s"
                raise ChildFailed(self._account(late))
            time.sleep(0.02)


# The `tessera` of this interpreter, independent of PATH.
TESSERA = [sys.executable, "-m", "server"]


def tessera(
    *arguments: str,
    database_url: str | None = None,
    settings: Mapping[str, str] | None = None,
    stdin: str = "",
    folder: Path = ROOT,
) -> subprocess.CompletedProcess[str]:
    """Run one `tessera` command to its end; the caller judges `returncode`, `stdout`, `stderr`."""
    environment = tessera_environment(database_url, settings)
    return prefork.run(arguments, environment, folder, stdin, timeout_seconds=60)


def tessera_environment(
    database_url: str | None = None, settings: Mapping[str, str] | None = None
) -> dict[str, str]:
    """This process's environment with the given `TESSERA_…` and `OTEL_…` variables only."""
    others = ("TESSERA_", "OTEL_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(others)}
    environment |= {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    if database_url is not None:
        environment["TESSERA_DATABASE_URL"] = database_url
    return environment | dict(settings or {})


def free_port() -> int:
    """A free loopback port. Another process could still take it first."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def answers_at(port: int) -> bool:
    """Whether something listens on a loopback port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def answer_of(port: int, path: str) -> int | None:
    """The status of a GET, or None where nothing answers."""
    connection = HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def _group_of(user: str | None) -> int | None:
    return None if user is None else pwd.getpwnam(user).pw_gid
