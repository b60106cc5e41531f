"""Writing rows straight into a migrated database: by COPY, or in one transaction of SQLite."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one table, and their columns."""

    name: str
    columns: tuple[str, ...]
    rows: Iterable[tuple[Any, ...]]


async def insert_rows(url: str, tables: Sequence[Table]) -> None:
    """Write the rows of each table in turn."""
    if url.startswith("sqlite:"):
        _insert(url, tables)
    else:
        await _copy(url, tables)


async def _copy(url: str, tables: Sequence[Table]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for table in tables:
            await connection.copy_records_to_table(
                table.name, records=table.rows, columns=table.columns
            )
        # Otherwise autovacuum could start during the measurement.
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def _insert(url: str, tables: Sequence[Table]) -> None:
    # As Tortoise writes them.
    sqlite3.register_adapter(UUID, str)
    sqlite3.register_adapter(datetime, lambda value: value.isoformat(" "))
    with closing(sqlite3.connect(urlsplit(url).path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        connection.execute("BEGIN")
        for table in tables:
            places = ", ".join("?" * len(table.columns))
            connection.executemany(
                f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({places})",
                table.rows,
            )
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
