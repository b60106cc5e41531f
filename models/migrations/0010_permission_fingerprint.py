"""Permissions of tokens are told by method and shape of the path, not by parameters' names.

Of two rows of a token that so become one, the newer is kept. Whoever changes how fingerprints are
made writes another migration: this one has the first way.
"""

import re
from collections.abc import Iterator
from hashlib import blake2b
from itertools import groupby
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from tortoise import fields, migrations
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import key_by_tenant, new_id, now

_AT_ONCE = 500
_PARAMETER = re.compile(r"\{([^{}]*)\}")
_SET_ASIDE = (
    "CREATE TABLE token_permission_before AS"
    " SELECT id, created_at, tenant_id, token_id, key FROM token_permission",
    "CREATE TABLE key_fingerprint (key VARCHAR(512) PRIMARY KEY, fingerprint {bytes})",
    "INSERT INTO key_fingerprint (key) SELECT DISTINCT key FROM token_permission",
)
_KEYS = "SELECT key FROM key_fingerprint WHERE key > {1} ORDER BY key LIMIT {at_once}"
_FINGERPRINT = "UPDATE key_fingerprint SET fingerprint = {1} WHERE key = {2}"
_COPY = """
    INSERT INTO token_permission (id, created_at, tenant_id, token_id, key, fingerprint)
    SELECT b.id, b.created_at, b.tenant_id, b.token_id, b.key, k.fingerprint
    FROM token_permission_before b JOIN key_fingerprint k ON k.key = b.key
    ORDER BY b.id DESC
    ON CONFLICT (tenant_id, token_id, fingerprint) DO NOTHING
"""
_HELD = """
    SELECT t.tenant_id, t.id, p.fingerprint
    FROM (SELECT tenant_id, id FROM token
          WHERE grants IS NOT NULL AND (tenant_id, id) > ({1}, {2})
          ORDER BY tenant_id, id LIMIT {at_once}) AS t
    LEFT JOIN token_permission p ON p.tenant_id = t.tenant_id AND p.token_id = t.id
    ORDER BY t.tenant_id, t.id
"""
_GRANTS = "UPDATE token SET grants = {1} WHERE tenant_id = {2} AND id = {3}"


def _fingerprint(key: str) -> bytes:
    parts = _PARAMETER.split(key)
    parts[::2] = map(_unescaped, parts[::2])
    parts[1::2] = ["{+}" if name.endswith("+") else "{}" for name in parts[1::2]]
    return blake2b("".join(parts).encode(), digest_size=16).digest()


def _unescaped(text: str) -> str:
    if "%" not in text:
        return text
    return unquote(text).replace("%", "%25").replace("{", "%7B").replace("}", "%7D")


def _is_postgres(client: BaseDBAsyncClient) -> bool:
    return client.capabilities.dialect == "postgres"


def _for(client: BaseDBAsyncClient, statement: str) -> str:
    """A statement as the database writes its parameters and types."""
    if _is_postgres(client):
        return statement.format("", "$1", "$2", "$3", at_once=_AT_ONCE, bytes="BYTEA")
    return statement.format("", "?1", "?2", "?3", at_once=_AT_ONCE, bytes="BLOB")


async def _set_aside(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    client = schema_editor.client
    for statement in _SET_ASIDE:
        await client.execute_script(_for(client, statement))
    last = ""
    while True:
        _, rows = await client.execute_query(_for(client, _KEYS), [last])
        if not rows:
            return
        keys = [row["key"] for row in rows]
        await client.execute_many(
            _for(client, _FINGERPRINT), [[_fingerprint(key), key] for key in keys]
        )
        last = keys[-1]


async def _fill(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    client = schema_editor.client
    await key_by_tenant(client, ("token_permission",))
    await client.execute_script(_COPY)
    await client.execute_script("DROP TABLE token_permission_before")
    await client.execute_script("DROP TABLE key_fingerprint")
    first = UUID(int=0) if _is_postgres(client) else str(UUID(int=0))
    last = (first, first)
    while True:
        _, rows = await client.execute_query(_for(client, _HELD), list(last))
        if not rows:
            return
        await client.execute_many(_for(client, _GRANTS), list(_grants(rows)))
        last = (rows[-1]["tenant_id"], rows[-1]["id"])


def _grants(rows: Any) -> Iterator[list[Any]]:
    for (tenant_id, token_id), held in groupby(rows, lambda row: (row["tenant_id"], row["id"])):
        marks = b"".join(row["fingerprint"] or b"" for row in held)
        yield [marks, tenant_id, token_id]


class Migration(migrations.Migration):
    dependencies = [("models", "0009_installation_key")]

    initial = False

    operations = [
        ops.RunPython(_set_aside),
        ops.DeleteModel(name="TokenPermission"),
        ops.CreateModel(
            name="TokenPermission",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "created_at",
                    fields.DatetimeField(default=now, auto_now=False, auto_now_add=False),
                ),
                ("tenant_id", fields.UUIDField()),
                ("token_id", fields.UUIDField()),
                ("key", fields.CharField(max_length=512)),
                ("fingerprint", fields.BinaryField()),
            ],
            options={
                "table": "token_permission",
                "app": "models",
                "unique_together": (
                    ("tenant_id", "id"),
                    ("tenant_id", "token_id", "fingerprint"),
                ),
                "pk_attr": "id",
                "table_description": "Which token holds which permission",
            },
            bases=["TenantRow"],
        ),
        ops.RunPython(_fill),
    ]
