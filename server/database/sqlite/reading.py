"""Connections to the embedded database that only read, in the thread of their user."""

import sqlite3
from pathlib import Path

from server.database.sqlite.files import read_only_uri

# SQLite forgets its cache with each commit of another connection; the mapped file stays in memory.
_MAPPED_BYTES = 2**31


def open_reader(file: Path, cache_kibibytes: int) -> sqlite3.Connection:
    """A read-only connection; the caller closes it. It never waits for a lock."""
    connection = sqlite3.connect(
        read_only_uri(file), uri=True, timeout=0, isolation_level=None, check_same_thread=False
    )
    connection.execute(f"PRAGMA cache_size = -{cache_kibibytes}")
    connection.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
    return connection
