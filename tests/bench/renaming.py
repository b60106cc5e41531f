"""The mutation of the hand-written rival: one transaction with Tessera's statements.

It locks admin and token, writes the name and the row of the search, asks for webhooks, and numbers
and writes the activity, as `renameToken` does.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from secrets import randbits
from typing import Any, Protocol
from uuid import UUID

import orjson

import models
from models import ActivityKind, ActorKind
from server.access import activity
from server.global_ids import encode_id, id_of
from server.texts import index_words, search_text

_ADMIN = """
SELECT role FROM admin WHERE tenant_id = $1 AND id = $2 AND removed_at IS NULL {lock}
"""
_TOKEN = """
SELECT name, description, hint, created_by_id FROM token
WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL {lock}
"""
_RENAME = "UPDATE token SET name = $3, revision = revision + 1 WHERE tenant_id = $1 AND id = $2"
_CREATOR = "SELECT name FROM admin WHERE tenant_id = $1 AND id = $2"
_SEARCH = "UPDATE token_search SET text = $3, words = $4 WHERE tenant_id = $1 AND id = $2"
_WEBHOOKS = "SELECT id, events FROM webhook WHERE tenant_id = $1"
_WRITE = """
INSERT INTO activity (id, created_at, tenant_id, sequence, kind, actor_kind, actor_id, subject_kind,
                      subject_id, address, details)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_MANAGERS = {"OWNER", "ADMIN"}


class Transaction(Protocol):
    """The statements of one transaction."""

    async def fetch(self, statement: str, *values: Any) -> Sequence[Sequence[Any]]: ...


class Begins(Protocol):
    """A database that begins transactions. lock: ends the selection of rows to be locked."""

    lock: str

    def transaction(self) -> AbstractAsyncContextManager[Transaction]: ...


async def rename(
    database: Begins, tenant_id: UUID, admin_id: UUID, address: str, asked: dict[str, Any]
) -> dict[str, Any]:
    """The answer to `renameToken`. Raises `LookupError` for one that would be refused."""
    token_id, name = id_of("Token", asked["tokenId"]), asked["name"]
    async with database.transaction() as within:
        [[role]] = await within.fetch(_ADMIN.format(lock=database.lock), tenant_id, admin_id)
        token = await within.fetch(_TOKEN.format(lock=database.lock), tenant_id, token_id)
        if role not in _MANAGERS or not token:
            raise LookupError
        [[before, description, hint, creator_id]] = token
        if before != name:
            await within.fetch(_RENAME, tenant_id, token_id, name)
            [[creator]] = await within.fetch(_CREATOR, tenant_id, creator_id)
            text = search_text(name, description, creator, hint)
            words = " ".join(index_words(tenant_id, text))
            await within.fetch(_SEARCH, tenant_id, token_id, text, words)
            if await within.fetch(_WEBHOOKS, tenant_id):
                raise LookupError
            details = orjson.dumps({"previousName": before, "name": name}).decode()
            await _record(database, within, tenant_id, admin_id, token_id, address, details)
    return {"renameToken": {"token": {"id": encode_id("Token", token_id), "name": name}}}


async def _record(
    database: Begins,
    within: Transaction,
    tenant_id: UUID,
    admin_id: UUID,
    token_id: UUID,
    address: str,
    details: str,
) -> None:
    kinds = ActivityKind.NAME_CHANGED.value, ActorKind.ADMIN.value
    subject = models.SubjectKind.TOKEN.value
    if database.lock:
        rest = f"{(0b10 << 62) | randbits(62):016x}"
        values = [tenant_id, rest, *kinds, admin_id, None, subject, token_id, address, details]
        await within.fetch(activity._WRITE_ONE, *values)
        return
    last = tenant_id, 1, models.present_tick(), models.now()
    [[sequence, tick]] = await within.fetch(activity._ADVANCE["sqlite"], *last)
    row = (models.id_of_tick(tick, randbits(62)), models.instant_of_tick(tick))
    numbered = (*row, tenant_id, sequence, *kinds, admin_id, subject, token_id, address, details)
    await within.fetch(_WRITE, *numbered)
