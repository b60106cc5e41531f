"""Revocations, written to a file beside the database so that no restored backup undoes them.

A line is on the disk after the change was committed and before it is acknowledged. The file
therefore has every acknowledged revocation, and none that was rolled back. `told_in` reads its
lines, and also those of the activity's export and the events that webhooks were sent.
"""

import asyncio
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson

import models
from models import ActivityKind, RevocationReason, SubjectKind
from server.access.activity_ids import details_of, subject_id_of
from server.database import after_commit
from server.errors import Misconfigured
from server.global_ids import row_id
from server.private_files import PRIVATE, sync
from server.web.json import rfc3339

MAX_LINE_BYTES = 2 * 1024 * 1024
# The type of event of that kind of activity.
_EVENTS = {"token.revoked": "REVOKED", "token.rotation_started": "ROTATION_STARTED"}
_log = logging.getLogger("tessera.revocations")


class Told(NamedTuple):
    """A secret that ended for good: its token, and the number of the activity in its tenant.

    tenant_id: None where the line does not name it. is_rotation: not the token was revoked, but its
    compromised secret replaced.
    """

    tenant_id: UUID | None
    token_id: UUID
    sequence: int
    reason: RevocationReason
    is_rotation: bool


class Unreadable(ValueError):
    """A line that is no activity: it was cut off, or is of another file."""


class _Journal:
    """The file. Appending one line at a time is safe from several threads and processes."""

    def __init__(self, file: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(file, flags, PRIVATE)
        sync(file.parent)
        if _is_cut_off(file):
            self.write(b"\n")  # the end of a line that a crash has cut off

    def write(self, lines: bytes) -> None:
        os.write(self._descriptor, lines)
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


_journals: list[_Journal] = []


@contextmanager
def journal(file: Path | None) -> Iterator[None]:
    """Write the revocations of this process to `file` within the block. Raises `Misconfigured`."""
    if file is None:
        yield
        return
    try:
        opened = _Journal(file)
    except OSError as error:
        raise Misconfigured(
            f"TESSERA_REVOCATIONS_FILE cannot be written: {error.strerror}."
        ) from None
    _journals.append(opened)
    try:
        yield
    finally:
        _journals.remove(opened)
        opened.close()


async def keep(rows: Sequence[models.Activity]) -> None:
    """Have those of these activities that end secrets written, once they are committed."""
    lines = b"".join(_line(row) for row in rows if _ends_a_secret(row.kind.value, row.details))
    if lines:
        for one in _journals:
            await after_commit(partial(_write, one, lines))


async def _write(to: _Journal, lines: bytes) -> None:
    try:
        # In a thread: a slow disk must not hold up the checks in the event loop.
        await asyncio.shield(asyncio.to_thread(to.write, lines))
    except OSError as error:
        # The change is made. Not to acknowledge it would have it tried again, in vain.
        _log.error("a revocation could not be written to TESSERA_REVOCATIONS_FILE", exc_info=error)


def _line(row: models.Activity) -> bytes:
    content = {
        "tenantId": str(row.tenant_id),
        "sequence": row.sequence,
        "id": str(row.id),
        "occurredAt": rfc3339(row.created_at),
        "kind": row.kind.value,
        "subject": {"kind": row.subject_kind.value, "id": subject_id_of(row)},
        "details": details_of(row),
    }
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


def told_in(line: bytes) -> Told | None:
    """The ended secret that a line tells of; None for an activity or event of another kind.

    Raises `Unreadable`.
    """
    try:
        content: Any = orjson.loads(line) if len(line) <= MAX_LINE_BYTES else None
        kind = content.get("kind") or _EVENTS.get(content["type"], "")
        told = content.get("data", content)
        if not _ends_a_secret(kind, told.get("details") or {}):
            return None
        return _told(kind, told, content.get("tenantId"))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unreadable from None


def _told(kind: str, told: dict[str, Any], tenant_id: str | None) -> Told:
    token_id = row_id("Token", told["subject"]["id"])
    if token_id is None or told["subject"]["kind"] != SubjectKind.TOKEN.value:
        raise Unreadable
    is_rotation = kind == ActivityKind.ROTATION_STARTED.value
    leaked = is_rotation or told["details"].get("reason") == RevocationReason.COMPROMISED.value
    return Told(
        UUID(tenant_id) if tenant_id else None,
        token_id,
        int(told["sequence"]),
        RevocationReason.COMPROMISED if leaked else RevocationReason.REVOKED,
        is_rotation,
    )


def _ends_a_secret(kind: str, details: dict[str, Any]) -> bool:
    if kind == ActivityKind.ROTATION_STARTED.value:
        return bool(details.get("compromised"))
    return kind == ActivityKind.REVOKED.value


def last_lines(file: Path, limit: int) -> list[bytes]:
    """The last whole lines of a journal, which may be missing."""
    try:
        with file.open("rb") as read:
            read.seek(max(0, read.seek(0, os.SEEK_END) - MAX_LINE_BYTES))
            return read.read().splitlines()[-limit:]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Misconfigured(f"TESSERA_REVOCATIONS_FILE cannot be read: {error.strerror}.") from None


def _is_cut_off(file: Path) -> bool:
    with file.open("rb") as read:
        if not read.seek(0, os.SEEK_END):
            return False
        read.seek(-1, os.SEEK_END)
        return read.read(1) != b"\n"
