"""An activity as a record of CSV, by RFC 4180, for spreadsheets."""

from collections.abc import Iterable, Mapping

import orjson

from models import Activity
from server.export.lines import Names, members_of

# Spreadsheets take a cell that begins with one of these for a formula, which can fetch addresses
# and run programs. Names are typed by people, and user names of operators come from machines.
_BEGINS_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20|%")
_COLUMNS = (
    "sequence",
    "occurredAt",
    "kind",
    "actorKind",
    "actorId",
    "actorName",
    "subjectKind",
    "subjectId",
    "subjectName",
    "address",
    "details",
    "id",
    "cursor",
)


def record(row: Activity, names: Names) -> bytes:
    """The record of one activity: the members of its line, `details` as JSON."""
    members = members_of(row, names)
    actor, subject = members["actor"], members["subject"]
    return _record(
        (
            str(members["sequence"]),
            members["occurredAt"],
            members["kind"],
            actor["kind"],
            actor["id"],
            actor["name"],
            subject["kind"],
            subject["id"],
            subject["name"],
            members["address"],
            orjson.dumps(members["details"]).decode(),
            members["id"],
            members["cursor"],
        )
    )


def last_record(problem: Mapping[str, str]) -> bytes:
    """The last record of a stream that cannot go on: its kind is `PROBLEM`, it has no cursor."""
    values = {"kind": "PROBLEM", "details": orjson.dumps(problem).decode()}
    return _record(values.get(name) for name in _COLUMNS)


def _record(values: Iterable[str | None]) -> bytes:
    return (",".join(map(_cell, values)) + "\r\n").encode()


def _cell(value: str | None) -> str:
    """A quoted cell that no spreadsheet takes for a formula: an apostrophe makes it text."""
    text = value or ""
    start = text.lstrip(" ")[:1]
    marked = f"'{text}" if start in _BEGINS_FORMULA and start else text
    return '"' + marked.replace('"', '""') + '"'


# The mark of UTF-8, without which spreadsheets guess another encoding, and the names of columns.
HEADER = b"\xef\xbb\xbf" + _record(_COLUMNS)
