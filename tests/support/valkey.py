"""A real Redis or Valkey for tests, in memory, on a free loopback port."""

import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.process import LOOPBACK, Child, free_port
from tests.support.waiting import PATIENCE_SECONDS


class Store(Child):
    """A Redis or Valkey. Started again after `stop`, it has the same address and no data."""

    def __init__(self, program: str, folder: Path) -> None:
        self.port = free_port()
        command = [program, "--port", str(self.port), "--bind", LOOPBACK, "--save", ""]
        super().__init__(command, log=folder / f"store-{self.port}.log", folder=folder)

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}"

    def start(self) -> "Store":
        super().start()
        patience = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection((LOOPBACK, self.port), timeout=1).close()
            except OSError:
                assert self.running, self.log()
                assert time.monotonic() < patience, self.log()
                time.sleep(0.02)
            else:
                return self


@contextmanager
def store(folder: Path) -> Iterator[Store]:
    """Skips the test where the program is missing; fails in CI."""
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("there is no redis-server here")
        pytest.skip("there is no redis-server here")
    with Store(program, folder) as running:
        yield running
