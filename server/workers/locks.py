"""Locks and memory that processes share by being copies of one process."""

import fcntl
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

_BRIEF_LOOKS = 50
_PAUSE_SECONDS = 0.0005


def nameless_file(size: int) -> int:
    """The descriptor of a new file of `size` zeros, which has no name and ends with its users.

    It must stay open: closing any descriptor of a file drops the locks of the process on it.
    """
    if sys.platform == "linux":
        descriptor = os.memfd_create("tessera")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor


class SharedLock:
    """A lock among processes. The kernel frees it when the process that holds it ends.

    One thread of each process may use it: to the kernel, a process is one holder.
    """

    def __init__(self) -> None:
        self._descriptor = nameless_file(1)

    @contextmanager
    def held(self, max_wait_seconds: float | None = None) -> Iterator[None]:
        """Hold the lock within. Waits for it as long as it takes.

        max_wait_seconds: raise `TimeoutError` after that, where others hold it for longer.
        """
        if max_wait_seconds is None:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
        elif not self._is_taken():
            self._take_within(max_wait_seconds)
        try:
            yield
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def _is_taken(self) -> bool:
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _take_within(self, seconds: float) -> None:
        patience, looks = time.monotonic() + seconds, 0
        while not self._is_taken():
            looks += 1
            if time.monotonic() > patience:
                raise TimeoutError
            # The holder needs microseconds, unless it waits for its turn on a core.
            time.sleep(0 if looks < _BRIEF_LOOKS else _PAUSE_SECONDS)
