"""The embedded database's files: where they are, who may read them, and copies of them."""

import os
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from server.database.sqlite.marking import MARK_SQLITE
from server.errors import Misconfigured
from server.private_files import PRIVATE, atomically_created
from server.settings import Settings

_HAS_STATE = "SELECT 1 FROM sqlite_master WHERE name = 'installation_state'"
# Besides the database itself: the write-ahead log, its index, and the journal without one.
COMPANIONS = ("-wal", "-shm", "-journal")


def sqlite_file(settings: Settings) -> Path:
    """The path of the embedded database."""
    return Path(unquote(urlsplit(settings.database_url).path))


def read_only_uri(file: Path) -> str:
    """The URI with which SQLite opens `file` read-only."""
    # `//` is an empty authority. Without it, a path that starts with two slashes would be read as
    # an authority and the rest.
    return f"file://{quote(str(file))}?mode=ro"


def keep_private(file: Path) -> None:
    """Let only the owner read and write the database. Call it before SQLite opens the file.

    Creates a missing file, since SQLite would make it readable for all, and gives its companions
    the same mode. Files of another owner stay as they are.
    """
    file = file.resolve()
    with suppress(OSError):  # it exists, or SQLite cannot create it either and says so
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
    for one in (file, *(Path(f"{file}{suffix}") for suffix in COMPANIONS)):
        # By name, not by descriptor: closing a descriptor of the file would drop SQLite's locks.
        with suppress(FileNotFoundError):
            status = one.stat()
            if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) != PRIVATE:
                one.chmod(PRIVATE)


def back_up(settings: Settings, copy: Path) -> None:
    """Write a consistent copy of the embedded database to `copy`. A server may be running.

    `copy` appears complete and synced, is readable by its owner only, and never replaces a file.
    Raises `Misconfigured` where the database is missing or the copy cannot be made.
    """
    source = sqlite_file(settings)
    if not source.is_file():
        raise Misconfigured(f"The database does not exist: {source}.")
    if os.path.lexists(copy):
        raise Misconfigured(f"The file exists already: {copy}.")
    try:
        with atomically_created(copy, COMPANIONS) as partial:
            copy_database(read_only_uri(source), partial)
            _mark(partial)
    except FileExistsError:
        raise Misconfigured(f"The file exists already: {copy}.") from None
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise Misconfigured(f"The copy cannot be written: {reason}.") from None


def copy_database(source_uri: str, target: Path) -> None:
    """Copy one moment of a database, which others may write to meanwhile."""
    with (
        closing(sqlite3.connect(source_uri, uri=True)) as original,
        closing(sqlite3.connect(target)) as copy,
    ):
        # Copy all pages in one step, which is one read transaction. Between several steps, each
        # write of the server would restart the copy.
        original.backup(copy, pages=-1)


def _mark(copy: Path) -> None:
    """Note in a copy that it is one: served in place of the original, it lacks later changes."""
    with closing(sqlite3.connect(copy)) as connection, connection:
        # A database of an older version is marked when it is restored.
        if connection.execute(_HAS_STATE).fetchone():
            connection.execute(MARK_SQLITE)
