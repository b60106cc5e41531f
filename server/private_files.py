"""Files that only their owner can read, which appear complete or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

PRIVATE = 0o600


@contextmanager
def atomically_created(file: Path, companions: tuple[str, ...] = ()) -> Iterator[Path]:
    """A new private file to write to, which becomes `file` at the end of the block, on the disk.

    companions: the endings of files beside it that are deleted. Raises `FileExistsError` if a file
    of that name exists by then.
    """
    partial = file.with_name(f".tessera-{token_hex(8)}.partial")
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
    try:
        yield partial
        sync(partial)
        # Unlike renaming, linking never replaces a file.
        os.link(partial, file)
        sync(file.parent)
    finally:
        for suffix in ("", *companions):
            Path(f"{partial}{suffix}").unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
