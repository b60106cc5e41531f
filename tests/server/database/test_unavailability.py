"""SQLite's outages are recognised by error code, not by message."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tortoise.exceptions import OperationalError

from server import database


def locked(file: Path) -> None:
    with closing(sqlite3.connect(file)) as one, closing(sqlite3.connect(file, timeout=0)) as two:
        one.execute("BEGIN IMMEDIATE")
        two.execute("BEGIN IMMEDIATE")


def full(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA max_page_count = 2")
        connection.execute("INSERT INTO fact VALUES (zeroblob(100000))")


def read_only(file: Path) -> None:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        connection.execute("INSERT INTO fact VALUES (1)")


def not_there(file: Path) -> None:
    with closing(sqlite3.connect(f"file:{file}x?mode=ro", uri=True)) as connection:
        connection.execute("SELECT 1")


def damaged(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[100:4096] = b"x" * 3996
    file.write_bytes(content)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("SELECT * FROM fact")


def another_kind(file: Path) -> None:
    file.write_text("something else" * 100)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("SELECT * FROM fact")


def no_column(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("SELECT is_locked FROM fact")


def no_table(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute('SELECT * FROM "database is locked"')


def raised_by(fault: Callable[[Path], None], file: Path) -> sqlite3.Error:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE fact (one)")
        connection.commit()
    with pytest.raises(sqlite3.Error) as raised:
        fault(file)
    return raised.value


@pytest.mark.parametrize("fault", [locked, full, read_only, not_there, damaged, another_kind])
def test_unusable_file_is_an_outage(fault: Callable[[Path], None], tmp_path: Path) -> None:
    error = raised_by(fault, tmp_path / "a.db")
    assert database.is_unavailable(error)
    assert database.is_unavailable(OperationalError(error))


@pytest.mark.parametrize("fault", [no_column, no_table])
def test_statement_error_is_no_outage(fault: Callable[[Path], None], tmp_path: Path) -> None:
    error = raised_by(fault, tmp_path / "a.db")
    assert not database.is_unavailable(error)
    assert not database.is_unavailable(OperationalError(error))
