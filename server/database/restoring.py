"""Restores the embedded database from a copy that `tessera backup` made."""

import os
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote

from server.database.connections import connected
from server.database.migrations import migrate_connected
from server.database.restored import mark_restored
from server.database.sqlite.files import sqlite_file
from server.database.sqlite.restoring import (
    copy_backup,
    put_in_place,
    remove,
    require_backup,
    require_unused,
)
from server.private_files import PRIVATE
from server.settings import Settings


async def restore(settings: Settings, backup: Path) -> Path | None:
    """Put `backup` in the place of the embedded database, migrated, and marked as restored.

    Gives where the former database is kept, if there was one. Raises `Misconfigured`, and then has
    changed nothing.
    """
    database = sqlite_file(settings).resolve()
    require_backup(backup)
    require_unused(database)
    new = database.with_name(f".tessera-{token_hex(8)}.partial")
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
    try:
        copy_backup(backup, new)
        # Marked before it is in its place: there is no moment at which it could be served unmarked.
        own = replace(settings, database_url=f"sqlite://{quote(str(new))}")
        async with connected(own, patient=True):
            await migrate_connected()
            await mark_restored()
        return put_in_place(new, database)
    finally:
        remove(new)
