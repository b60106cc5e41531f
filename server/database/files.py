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
    """Where the embedded database is."""
    return Path(unquote(urlsplit(settings.database_url).path))


def read_only_uri(file: Path) -> str:
    """The URI by which SQLite opens `file` to read it alone."""
    # With an empty authority: of a path that starts with two slashes a part would count as one.
    return f"file://{quote(str(file))}?mode=ro"


def keep_private(file: Path) -> None:
    """Let the owner alone read and write the database; call it before SQLite opens the file.

    Creates the file where it is missing, since SQLite would make it readable for all, and gives
    its companions the mode of the database. Leaves alone the files of another owner.
    """
    file = file.resolve()
    with suppress(OSError):  # it exists, or SQLite cannot create it either and says so
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE))
    for one in (file, *(Path(f"{file}{suffix}") for suffix in _COMPANIONS)):
        # By its name: closing a descriptor of the file would drop the locks that SQLite holds.
        with suppress(FileNotFoundError):
            status = one.stat()
            if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) != _PRIVATE:
                one.chmod(_PRIVATE)


def back_up(settings: Settings, copy: Path) -> None:
    """Write a consistent copy of the embedded database to `copy`, while it is served or not.

    `copy` appears whole, on the disk, readable by its owner alone, and never in place of another
    file. Raises `Misconfigured` where there is no database or no such copy can be made.
    """
    source = sqlite_file(settings)
    if not source.is_file():
        raise Misconfigured(f"The database does not exist: {source}.")
    if os.path.lexists(copy):
        raise Misconfigured(f"The file exists already: {copy}.")
    try:
        with _appearing(copy) as partial:
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
        # All pages in one step, which is one read transaction. In several steps, each write of the
        # server would make the copy start anew.
        original.backup(copy, pages=-1)


@contextmanager
def _appearing(file: Path) -> Iterator[Path]:
    """A new private file to write to, which becomes `file` at the end of the block.

    Raises `FileExistsError` where there is a file of that name by then.
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
