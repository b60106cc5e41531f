"""A real pgbouncer for tests, in front of a test's own PostgreSQL: each transaction of a client
may run on another of few connections to the server."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self
from urllib.parse import urlsplit

import pytest

from tests.support.postgres import PostgresCluster
from tests.support.process import LOOPBACK, Child, answers_at, free_port
from tests.support.row_security import PASSWORD, ROLE
from tests.support.waiting import PATIENCE_SECONDS

_PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin"
_CONFIGURATION = """
[databases]
* = host={host} port={server_port}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = 3
max_client_conn = 100
"""
# From then on, it follows the prepared statements of its clients.
_FOLLOWS_STATEMENTS = (1, 21)


class PgBouncer(Child):
    """A pgbouncer in transaction mode, with three connections to the server."""

    def __init__(self, program: str, cluster: PostgresCluster) -> None:
        self.port = free_port()
        self.follows_statements = _version(program) >= _FOLLOWS_STATEMENTS
        self._cluster = cluster
        folder = cluster.folder / f"pgbouncer-{self.port}"
        folder.mkdir()
        self._users, self._configuration = folder / "users", folder / "pgbouncer.ini"
        super().__init__(
            [program, self._configuration],
            log=folder / "log",
            folder=folder,
            user=cluster.account,
            leash_signal="INT",
        )
        cluster.hand_over(folder)

    def url(self, database_url: str) -> str:
        """The URL of a database of the server's, by way of pgbouncer and as the same role."""
        parts = urlsplit(database_url)
        place = f"{parts.netloc.rpartition('@')[0]}@{LOOPBACK}:{self.port}"
        return parts._replace(netloc=place).geturl()

    def start(self) -> Self:
        own = f'"{self._cluster.user}" "{self._cluster.password}"\n'
        self._users.write_text(f'{own}"{ROLE}" "{PASSWORD}"\n')
        text = _CONFIGURATION.format(
            host=LOOPBACK, server_port=self._cluster.port, port=self.port, users=self._users
        )
        text += "max_prepared_statements = 100\n" if self.follows_statements else ""
        self._configuration.write_text(text)
        for file in (self._users, self._configuration):
            self._cluster.hand_over(file)
        super().start()
        patience = time.monotonic() + PATIENCE_SECONDS
        while not answers_at(self.port):
            assert self.running, self.log()
            assert time.monotonic() < patience, self.log()
            time.sleep(0.02)
        return self


def _version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(number) for number in said.split()[1].split(".")[:2])


def follows_statements() -> bool:
    """Whether the pgbouncer of this machine keeps prepared statements apart, as from 1.21 on."""
    program = shutil.which("pgbouncer", path=_PLACES)
    return program is not None and _version(program) >= _FOLLOWS_STATEMENTS


@contextmanager
def pgbouncer(cluster: PostgresCluster) -> Iterator[PgBouncer]:
    """Skips the test where the program is missing; fails in CI."""
    program = shutil.which("pgbouncer", path=_PLACES)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("there is no pgbouncer here")
        pytest.skip("there is no pgbouncer here")
    with PgBouncer(program, cluster) as running:
        yield running
