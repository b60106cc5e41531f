"""The search of tokens moves into a table of its own, with a full-text index.

Addresses with a domain beyond ASCII take the spelling that they are compared in since.
"""

import unicodedata
from hashlib import blake2b
from typing import Any
from uuid import UUID

import idna
from tortoise import fields, migrations
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.migrations._frozen import key_by_tenant, new_id, now

_TABLES = ("token_search",)
_AT_ONCE = 500
_INDEX = {
    "postgres": (
        "CREATE INDEX idx_token_search_words ON token_search"
        " USING gin (string_to_array(words, ' ')) WITH (fastupdate = off)",
    ),
    "sqlite": (
        "CREATE INDEX idx_token_search_place ON token_search (tenant_id, place)",
        "CREATE VIRTUAL TABLE token_search_index USING fts5"
        "(words, content='', columnsize=0, detail=none, tokenize='ascii')",
        "INSERT INTO token_search_index (rowid, words) SELECT place, words FROM token_search",
        "CREATE TRIGGER token_search_inserted AFTER INSERT ON token_search BEGIN"
        " INSERT INTO token_search_index (rowid, words) VALUES (new.place, new.words); END",
        "CREATE TRIGGER token_search_deleted AFTER DELETE ON token_search BEGIN"
        " INSERT INTO token_search_index (token_search_index, rowid, words)"
        " VALUES ('delete', old.place, old.words); END",
        "CREATE TRIGGER token_search_updated AFTER UPDATE OF words ON token_search BEGIN"
        " INSERT INTO token_search_index (token_search_index, rowid, words)"
        " VALUES ('delete', old.place, old.words);"
        " INSERT INTO token_search_index (rowid, words) VALUES (new.place, new.words); END",
    ),
}
_LIVE = """
SELECT id, tenant_id, created_at, name, description FROM token
WHERE revoked_at IS NULL AND (tenant_id, id) > ({0}, {1}) ORDER BY tenant_id, id LIMIT {2}
"""
_INSERT = """
INSERT INTO token_search (id, tenant_id, created_at, text, words, place)
VALUES ({0}, {1}, {2}, {3}, {4}, {5})
"""
_ADMINS = "SELECT id, tenant_id, email FROM admin"
_IS_TAKEN = "SELECT id FROM admin WHERE tenant_id = {0} AND email = {1}"
_SET_EMAIL = "UPDATE admin SET email = {2} WHERE tenant_id = {0} AND id = {1}"


class _DropColumn(ops.RemoveField):
    """As both databases drop a column.

    Tortoise would make SQLite's table anew, and leave out its indexes and unique constraints.
    """

    async def database_forward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        if state_editor:
            model = old_state.apps.get_model(f"{app_label}.{self.model_name}")
            field = model._meta.fields_map[self.name]
            await BaseSchemaEditor.remove_field(state_editor, model, field)


async def _key_by_tenant(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    await key_by_tenant(schema_editor.client, _TABLES)


async def _create_index(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    client = schema_editor.client
    for statement in _INDEX[client.capabilities.dialect]:
        await client.execute_script(statement)


async def _fill(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    client = schema_editor.client
    last: tuple[Any, Any] = (_value(client, UUID(int=0)), _value(client, UUID(int=0)))
    while True:
        _, rows = await client.execute_query(_sql(client, _LIVE), [*last, _AT_ONCE])
        if not rows:
            return
        await client.execute_many(_sql(client, _INSERT), [_search_row(row) for row in rows])
        last = (rows[-1]["tenant_id"], rows[-1]["id"])


async def _spell_addresses(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    """Two spellings of one address in one tenant stay as they are: there the operator decides."""
    client = schema_editor.client
    _, admins = await client.execute_query(_ADMINS)
    for admin in admins:
        local, _, domain = admin["email"].rpartition("@")
        email = f"{local}@{_ascii(domain)}"
        if domain.isascii() or not _ascii(domain) or len(email) > 254:
            continue
        taken = await client.execute_query(_sql(client, _IS_TAKEN), [admin["tenant_id"], email])
        if not taken[1]:
            values = [admin["tenant_id"], admin["id"], email]
            await client.execute_query(_sql(client, _SET_EMAIL), values)


def _ascii(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return ""


def _sql(client: BaseDBAsyncClient, statement: str) -> str:
    sign = "$" if client.capabilities.dialect == "postgres" else "?"
    return statement.format(*(f"{sign}{number}" for number in range(1, 7)))


def _value(client: BaseDBAsyncClient, value: UUID) -> UUID | str:
    return value if client.capabilities.dialect == "postgres" else str(value)


def _search_row(row: Any) -> list[Any]:
    tenant_id, token_id = UUID(str(row["tenant_id"])), UUID(str(row["id"]))
    text = f"{_folded(row['name'])}\n{_folded(row['description'])}"
    words = " ".join(_words(tenant_id, text))
    given = (row["id"], row["tenant_id"], row["created_at"])
    return [*given, text, words, _place(token_id)]


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(
        character
        for character in folded
        if unicodedata.combining(character) < 200 and unicodedata.category(character) != "Cf"
    )
    return " ".join(unicodedata.normalize("NFC", bare).split())


def _words(tenant_id: UUID, text: str) -> list[str]:
    grams = {text[at : at + n] for n in (1, 2, 3) for at in range(len(text) - n + 1)}
    return sorted(
        blake2b(gram.encode(), digest_size=4, key=tenant_id.bytes).hexdigest() for gram in grams
    )


def _place(token_id: UUID) -> int:
    milliseconds, fraction = token_id.int >> 80, token_id.int >> 64 & 0xFFF
    place = milliseconds << 21 | fraction << 9 | token_id.int >> 53 & 0x1FF
    return min(place, 2**63 - 1)


class Migration(migrations.Migration):
    dependencies = [("models", "0007_attempts")]

    initial = False

    operations = [
        ops.CreateModel(
            name="TokenSearch",
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
                ("text", fields.TextField(unique=False)),
                ("words", fields.TextField(unique=False)),
                ("place", fields.BigIntField()),
            ],
            options={
                "table": "token_search",
                "app": "models",
                "unique_together": (("tenant_id", "id"),),
                "pk_attr": "id",
                "table_description": "What live tokens are found by",
            },
            bases=["TenantRow"],
        ),
        ops.RunPython(_key_by_tenant),
        ops.RunPython(_fill),
        ops.RunPython(_create_index),
        ops.RunPython(_spell_addresses),
        _DropColumn(model_name="Token", name="search_text"),
    ]
