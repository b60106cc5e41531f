"""How the embedded database is opened: by Tortoise's engine, and for lookups."""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from server.database.sqlite.engine import has_full_text_index
from server.database.sqlite.files import keep_private, read_only_uri, sqlite_file
from server.database.sqlite.reading import open_reader
from server.errors import Misconfigured
from server.settings import Settings

_BUSY_MILLISECONDS = 5000
# Another process may be migrating for as long.
_PATIENT_MILLISECONDS = 5 * 60 * 1000
# With it a lookup among a million tokens rarely reads the file: that was a third of its time.
_READER_KIBIBYTES = 128 * 1024
# Every few seconds, the decisions on thousands of tokens change pages all over the file.
_WRITER_KIBIBYTES = 64 * 1024
_MIN_BYTES = 512  # its smallest page


def sqlite_reader(settings: Settings) -> sqlite3.Connection:
    """A read-only connection to the embedded database; the caller closes it.

    For lookups in the event loop's own thread: it never waits for a lock.
    """
    return open_reader(sqlite_file(settings), _READER_KIBIBYTES)


def sqlite_config(settings: Settings, *, patient: bool) -> dict[str, Any]:
    """Tortoise's configuration of the database. Raises `Misconfigured` if it cannot be used.

    patient: wait minutes, not seconds, for the lock of another process.
    """
    path = sqlite_file(settings)
    if not path.parent.is_dir():
        raise Misconfigured(f"The folder of the database does not exist: {path.parent}")
    if path.is_dir():
        raise Misconfigured(f"The database is a folder and not a file: {path}")
    if not _may_be_sqlite(path):
        raise Misconfigured(f"The file is no SQLite database: {path}")
    if not _has_full_text_search():
        raise Misconfigured(
            "This Python's SQLite has no full-text search (FTS5). Use a Python whose SQLite has"
            " it, or PostgreSQL."
        )
    keep_private(path)
    return {
        "engine": "server.database.sqlite.engine",
        "credentials": {
            "file_path": str(path),
            "busy_timeout": _PATIENT_MILLISECONDS if patient else _BUSY_MILLISECONDS,
            # With a write-ahead log, a killed process loses no acknowledged write.
            "synchronous": "NORMAL",
            "cache_size": -_WRITER_KIBIBYTES,
        },
    }


@cache
def _has_full_text_search() -> bool:
    """Asked once: it depends on this Python alone."""
    with closing(sqlite3.connect(":memory:")) as probe:
        return has_full_text_index(probe)


def _may_be_sqlite(path: Path) -> bool:
    """Whether SQLite can open the file. It makes a database of a missing or empty one."""
    if not path.is_file() or not (size := path.stat().st_size):
        return True
    if size < _MIN_BYTES:
        return False  # SQLite would take it for an empty database
    # Let SQLite look, and never open the file here: closing any descriptor of it drops the POSIX
    # locks of this process's open connections, and another process would then remove the
    # write-ahead log.
    try:
        with closing(sqlite3.connect(read_only_uri(path), uri=True, timeout=0)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.DatabaseError as error:
        return error.sqlite_errorcode != sqlite3.SQLITE_NOTADB
    return True
