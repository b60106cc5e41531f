"""Searches find the creators and hints of tokens, and revoked tokens.

Of a revoked token there is text and no words, so that no search of live tokens reads it.
"""

import unicodedata
from hashlib import blake2b
from typing import Any
from uuid import UUID

from tortoise import migrations
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

_AT_ONCE = 500
# The newest live tokens, however many revoked ones lie between them.
_INDEX = "CREATE INDEX idx_token_search_live ON token_search (tenant_id, id) WHERE words <> ''"
_COMMENT = "COMMENT ON TABLE token_search IS 'What tokens are found by'"
_TOKENS = """
SELECT t.id, t.tenant_id, t.created_at, t.name, t.description, t.hint, t.revoked_at,
       a.name AS creator
FROM token t LEFT JOIN admin a ON a.tenant_id = t.tenant_id AND a.id = t.created_by_id
WHERE (t.tenant_id, t.id) > ({0}, {1}) ORDER BY t.tenant_id, t.id LIMIT {2}
"""
_UPDATE = "UPDATE token_search SET text = {2}, words = {3} WHERE tenant_id = {0} AND id = {1}"
_INSERT = """
INSERT INTO token_search (tenant_id, id, text, words, place, created_at)
VALUES ({0}, {1}, {2}, {3}, {4}, {5})
"""


async def _fill(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    client = schema_editor.client
    last: tuple[Any, Any] = (_value(client, UUID(int=0)), _value(client, UUID(int=0)))
    while True:
        _, rows = await client.execute_query(_sql(client, _TOKENS), [*last, _AT_ONCE])
        if not rows:
            return
        live = [_columns(row) for row in rows if row["revoked_at"] is None]
        revoked = [row for row in rows if row["revoked_at"] is not None]
        if live:
            await client.execute_many(_sql(client, _UPDATE), live)
        if revoked:
            await client.execute_many(_sql(client, _INSERT), [_revoked_row(row) for row in revoked])
        last = (rows[-1]["tenant_id"], rows[-1]["id"])


async def _create_index(_apps: StateApps, schema_editor: BaseSchemaEditor) -> None:
    if schema_editor.client.capabilities.dialect == "postgres":
        # One by one: Citus sends the text of each to the nodes as one statement.
        for statement in (_INDEX, _COMMENT):
            await schema_editor.client.execute_script(statement)


def _sql(client: BaseDBAsyncClient, statement: str) -> str:
    sign = "$" if client.capabilities.dialect == "postgres" else "?"
    return statement.format(*(f"{sign}{number}" for number in range(1, 7)))


def _value(client: BaseDBAsyncClient, value: UUID) -> UUID | str:
    return value if client.capabilities.dialect == "postgres" else str(value)


def _columns(row: Any) -> list[Any]:
    text = _text(row)
    words = " ".join(_words(UUID(str(row["tenant_id"])), text))
    return [row["tenant_id"], row["id"], text, words]


def _revoked_row(row: Any) -> list[Any]:
    place = _place(UUID(str(row["id"])))
    return [row["tenant_id"], row["id"], _text(row), "", place, row["created_at"]]


def _text(row: Any) -> str:
    texts = (row["name"], row["description"], row["creator"] or "", row["hint"])
    return "\n".join(map(_folded, texts))


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
    dependencies = [("models", "0028_installation_state")]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name="TokenSearch",
            options={"pk_attr": "id", "table_description": "What tokens are found by"},
        ),
        ops.RunPython(_fill),
        ops.RunPython(_create_index),
    ]
