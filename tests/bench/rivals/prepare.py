"""The rows that the page's rivals need beside Tessera's: the catalogue as a table, and what
PostGraphile reads of relations and policies. On PostgreSQL alone.
"""

from pathlib import Path

import asyncpg

from server.catalogue import read_catalogue

_SQL = Path(__file__).parent / "postgraphile.sql"
_CATALOGUE = """
CREATE TABLE catalogue_permission (
    key varchar(512) PRIMARY KEY, place int NOT NULL, name text NOT NULL, method text NOT NULL,
    path text NOT NULL, category text NOT NULL
)
"""


async def prepare_page(url: str) -> None:
    """Write them into the database at `url`, which has Tessera's rows."""
    permissions = [p for category in read_catalogue(None).categories for p in category.permissions]
    rows = [
        (p.key, place, p.name, p.method, p.path, p.category) for place, p in enumerate(permissions)
    ]
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_CATALOGUE)
        await connection.copy_records_to_table("catalogue_permission", records=rows)
        await connection.execute(_SQL.read_text())
        await connection.execute("ANALYZE catalogue_permission")
    finally:
        await connection.close()
