"""The embedded database's files: where they are, who may read them, and copies of them."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote, unquote, urlsplit

from server.errors import Misconfigured
from server.settings import Settings

# Besides the database itself: the write-ahead log, its index, and the journal without one.
_COMPANIONS = ("-wal", "-shm", "-journal")
_PRIVATE = 0o600


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
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE))
    for one in (file, *(Path(f"{file}{suffix}") for suffix in _COMPANIONS)):
        # By name, not by descriptor: closing a descriptor of the file would drop SQLite's locks.
        with suppress(FileNotFoundError):
            status = one.stat()
            if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) != _PRIVATE:
                one.chmod(_PRIVATE)


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
        with _atomically_created(copy) as partial:
            _copy(source, partial)
    except FileExistsError:
        raise Misconfigured(f"The file exists already: {copy}.") from None
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise Misconfigured(f"The copy cannot be written: {reason}.") from None


def _copy(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(read_only_uri(source), uri=True)) as original,
        closing(sqlite3.connect(target)) as copy,
    ):
        # Copy all pages in one step, which is one read transaction. Between several steps, each
        # write of the server would restart the copy.
        original.backup(copy, pages=-1)


@contextmanager
def _atomically_created(file: Path) -> Iterator[Path]:
    """A new private file to write to, which becomes `file` at the end of the block.

    Raises `FileExistsError` if a file of that name exists by then.
    """
    partial = file.with_name(f".tessera-{token_hex(8)}.partial")
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE))
    try:
        yield partial
        _sync(partial)
        # Unlike renaming, linking never replaces a file.
        os.link(partial, file)
        _sync(file.parent)
    finally:
        for suffix in ("", *_COMPANIONS):
            Path(f"{partial}{suffix}").unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
