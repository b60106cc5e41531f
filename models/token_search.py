"""The search row of a token: the texts and words by which it is found."""

from uuid import UUID

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient

from models.rows import TenantRow

_LARGEST_PLACE = 2**63 - 1
_INDEX = {
    "postgres": (
        # No `fastupdate`: searches would have to scan its list of pending entries.
        "CREATE INDEX idx_token_search_words ON token_search"
        " USING gin (string_to_array(words, ' ')) WITH (fastupdate = off)",
        # The newest live tokens, however many revoked ones lie between them.
        "CREATE INDEX idx_token_search_live ON token_search (tenant_id, id) WHERE words <> ''",
    ),
    "sqlite": (
        "CREATE INDEX idx_token_search_place ON token_search (tenant_id, place)",
        "CREATE VIRTUAL TABLE token_search_index USING fts5"
        "(words, content='', columnsize=0, detail=none, tokenize='ascii')",
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


def place_of(token_id: UUID) -> int:
    """The token's row number in the full-text index, in the order of ids: 62 bits until 2109.

    SQLite's full-text index identifies rows by an integer and reads them in its order. Two tokens
    could share a place only if two processes made them in the same 250 nanoseconds.
    """
    milliseconds, fraction = token_id.int >> 80, token_id.int >> 64 & 0xFFF
    place = milliseconds << 21 | fraction << 9 | token_id.int >> 53 & 0x1FF
    return min(place, _LARGEST_PLACE)


async def index_words(client: BaseDBAsyncClient) -> None:
    """Create the index on the words of `token_search`, which Tortoise cannot describe."""
    for statement in _INDEX[client.capabilities.dialect]:
        await client.execute_script(statement)


class TokenSearch(TenantRow):
    """The search row of a token, with the token's id.

    `text` is name, description, creator's name and hint, folded. `words` has one hash for every
    sequence of one to three characters in `text`. The hash includes the tenant, so that no search
    reads the entries of another tenant. `words` is empty once the token is revoked, so that no
    search of live tokens reads it. `place` is `place_of` the id.
    """

    text = fields.TextField()
    words = fields.TextField()
    place = fields.BigIntField()

    class Meta:
        table = "token_search"
        table_description = "What tokens are found by"
        unique_together = (("tenant_id", "id"),)
