"""Puts a copy of the embedded database in its place, for `server.database.restoring`."""

import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from server.database.sqlite.files import COMPANIONS, copy_database, read_only_uri
from server.errors import Misconfigured
from server.private_files import sync

_IS_OURS = "SELECT 1 FROM sqlite_master WHERE name = 'tortoise_migrations'"


def require_backup(file: Path) -> None:
    """Raises `Misconfigured` unless `file` is a whole database of Tessera."""
    if not file.is_file():
        raise Misconfigured(f"The backup does not exist: {file}.")
    try:
        with closing(sqlite3.connect(_uri(file), uri=True)) as connection:
            is_ours = connection.execute(_IS_OURS).fetchone()
            is_whole = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.Error as error:
        raise Misconfigured(f"The backup cannot be read: {error}.") from None
    if not is_ours:
        raise Misconfigured(f"The file is no database of Tessera: {file}.")
    if not is_whole:
        raise Misconfigured(f"The backup is damaged: {file}.")


def require_unused(database: Path) -> None:
    """Write the database's log into its file, so that it can be moved.

    Raises `Misconfigured` while another process has it open. A damaged one is left as it is.
    """
    if not database.is_file():
        return
    try:
        with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
            # Of a write-ahead log it is granted only to the one connection that there is.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise Misconfigured(
                "The database is in use: end `tessera serve`, and every other command, first."
            ) from None
    except sqlite3.DatabaseError:
        pass


def copy_backup(backup: Path, to: Path) -> None:
    """Copy a backup to a new file. Raises `Misconfigured`."""
    try:
        copy_database(_uri(backup), to)
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise Misconfigured(f"The backup cannot be copied: {reason}.") from None


def _uri(backup: Path) -> str:
    """Without a log beside it, nothing writes to it: then reading it makes no files there."""
    has_log = Path(f"{backup}-wal").exists()
    return read_only_uri(backup) + ("" if has_log else "&immutable=1")


def put_in_place(restored: Path, database: Path) -> Path | None:
    """Move `restored` to `database`; gives where the former database is kept, if there was one."""
    at = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    former = database.with_name(f"{database.name}.before-{at}")
    had_one = database.exists()
    sync(restored)
    for suffix in ("", *COMPANIONS):
        with suppress(FileNotFoundError):
            Path(f"{database}{suffix}").rename(f"{former}{suffix}")
    restored.rename(database)
    sync(database.parent)
    return former if had_one else None


def remove(database: Path) -> None:
    """Delete a database with the files beside it, where there is one."""
    for suffix in ("", *COMPANIONS):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
