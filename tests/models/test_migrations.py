"""Migrations create the schema of the models, once, in one transaction, before serving.

`test_distribution` checks the schema's keys and indexes, `test_migrated_rows` the rows.
"""

import ast
import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from tortoise.context import require_context
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.models import Model
from tortoise.utils import generate_schema_for_client

import models
from models.distribution import TABLES, key_by_tenant
from models.token_search import index_words
from models.token_secret import find_by_digest
from server import database
from server.app import create_app
from server.database.connections import apps_of
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.command import tessera_here
from tests.support.migrations import MIGRATIONS, plant_failing_migration
from tests.support.postgres import PostgresServer
from tests.support.process import TESSERA, ServerProcess, tessera

RECORD = "tortoise_migrations"
_POSTGRES_COLUMNS = """
SELECT c.relname AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AS required, pg_get_expr(d.adbin, d.adrelid) AS initially,
       col_description(c.oid, a.attnum) AS says
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
"""
_POSTGRES_RULES = """
SELECT conrelid::regclass::text AS table, contype::text AS kind, pg_get_constraintdef(oid) AS rule
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT tablename, 'index', regexp_replace(indexdef, 'INDEX \\S+ ON', 'INDEX ON')
FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT relname, 'says', obj_description(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
# Leaves out the full-text index and its shadow tables, which its own statement describes.
_SQLITE_TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'token_search_index*'"
)
_SQLITE_SEARCH = (
    "SELECT tbl_name, type, sql FROM sqlite_master"
    " WHERE type = 'trigger' OR name = 'token_search_index'"
)
_SQLITE_COLUMNS = 'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)'
_SQLITE_INDEXES = 'SELECT name, "unique", origin, partial FROM pragma_index_list(?)'
_SQLITE_INDEXED = 'SELECT seqno, name, "desc", coll FROM pragma_index_xinfo(?) WHERE key'
_SQLITE_SQL = "SELECT sql FROM sqlite_master WHERE name = ?"


async def schema_now() -> set[tuple[Any, ...]]:
    """All facts of the connected database's schema except the names of indexes."""
    client = database.connection()
    if client.capabilities.dialect == "postgres":
        parts = [await client.execute_query(q) for q in (_POSTGRES_COLUMNS, _POSTGRES_RULES)]
        schema = {tuple(row.values()) for _, rows in parts for row in rows}
    else:
        schema = await _sqlite_schema(client)
    return {fact for fact in schema if fact[0] not in {RECORD, "sqlite_sequence"}}


async def _sqlite_schema(client: Any) -> set[tuple[Any, ...]]:
    async def ask(query: str, *values: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in (await client.execute_query(query, list(values)))[1]]

    facts = {("token_search", *fact) for fact in await ask(_SQLITE_SEARCH)}
    for (table,) in await ask(_SQLITE_TABLES):
        facts |= {(table, *column) for column in await ask(_SQLITE_COLUMNS, table)}
        for index, unique, origin, partial in await ask(_SQLITE_INDEXES, table):
            columns = tuple(await ask(_SQLITE_INDEXED, index))
            [(sql,)] = await ask(_SQLITE_SQL, index) or [(None,)]
            condition = sql.partition(" WHERE ")[2] if partial else ""
            facts.add((table, "index", unique, origin, condition, columns))
    return facts


async def test_migrations_create_the_schema_of_the_models(
    database_url: str, tmp_path: Path, postgres: PostgresServer
) -> None:
    async with database.connected(settings_for(database_url)):
        migrated = await schema_now()
    embedded = database_url.startswith("sqlite")
    url = f"sqlite://{tmp_path}/fresh.db" if embedded else await postgres.create_database()
    async with database.connected(settings_for(url)):
        client = database.connection()
        await generate_schema_for_client(client, safe=False)
        await key_by_tenant(client, TABLES)
        await find_by_digest(client)
        await index_words(client)
        fresh = await schema_now()
    assert migrated == fresh
    assert {fact[0] for fact in migrated} == {model._meta.db_table for model in all_models()}
    await postgres.drop_database(url)


def all_models() -> list[type[Model]]:
    every = (getattr(models, name) for name in models.__all__)
    classes = [one for one in every if isinstance(one, type) and issubclass(one, Model)]
    return [model for model in classes if model._meta.db_table]


async def test_schema_comparison_sees_a_lost_index_and_an_added_column(
    database_url: str,
) -> None:
    """Tortoise loses both silently when it rebuilds a table to alter a column on SQLite."""
    async with database.connected(settings_for(database_url)):
        client, before = database.connection(), await schema_now()
        await client.execute_script("DROP INDEX idx_token_live")
        without_index = await schema_now()
        await client.execute_script("ALTER TABLE token ADD COLUMN note VARCHAR(7)")
        assert len(before - without_index) == 1
        assert len(await schema_now() - without_index) == 1


async def test_every_change_of_the_models_has_a_migration(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.connected(settings_for(sqlite_url)):
        apps = require_context().apps
        assert apps is not None
        assert await MigrationAutodetector(apps, apps_of("sqlite")).changes() == []
        (tmp_path / "no_migrations").mkdir()
        (tmp_path / "no_migrations" / "__init__.py").touch()
        monkeypatch.syspath_prepend(tmp_path)
        nothing_written = {"models": apps_of("sqlite")["models"] | {"migrations": "no_migrations"}}
        [missing] = await MigrationAutodetector(apps, nothing_written).changes()
        assert len(missing.operations) == len(all_models())


async def test_concurrent_migrate_commands_apply_each_migration_once(bare_url: str) -> None:
    commands = [asyncio.to_thread(tessera, "migrate", database_url=bare_url) for _ in range(3)]
    said = await asyncio.gather(*commands)
    assert [(one.returncode, one.stderr) for one in said] == [(0, "")] * 3
    nothing, done = (
        "The database is up to date.\n",
        "".join(f"Applied {name}.\n" for name in MIGRATIONS),
    )
    assert sorted(one.stdout for one in said) == [done, nothing, nothing]
    async with database.connected(settings_for(bare_url)):
        assert await database.unapplied_migrations() == []
        _, rows = await database.connection().execute_query(f"SELECT name FROM {RECORD}")
        assert sorted(row["name"] for row in rows) == MIGRATIONS


async def test_failed_migration_rolls_back_all_of_the_run(bare_url: str, planted: Path) -> None:
    plant_failing_migration(planted)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await database.migrate(settings_for(bare_url))
        async with database.connected(settings_for(bare_url)):
            assert await schema_now() == set()


async def test_failed_migration_leaves_a_used_schema_unchanged(
    database_url: str, planted: Path
) -> None:
    async with database.connected(settings_for(database_url)):
        before = await schema_now()
    plant_failing_migration(planted)
    with pytest.raises(ZeroDivisionError):
        await database.migrate(settings_for(database_url))
    async with database.connected(settings_for(database_url)):
        assert await schema_now() == before
        assert await database.unapplied_migrations() == ["9999_broken"]


async def test_instance_is_not_ready_while_a_migration_is_missing(
    database_url: str, planted: Path
) -> None:
    async with running_service(settings_for(database_url)) as service:
        transport = httpx2.ASGITransport(app=create_app(service))
        async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
            assert (await http.get("/readyz")).status_code == 200
            plant_failing_migration(planted)
            answer = await http.get("/readyz")
    assert answer.status_code == 503
    assert "tessera migrate" in answer.json()["detail"]


def test_serve_refuses_an_unmigrated_postgres_and_names_the_command(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.create_database_now()
    refused = tessera("serve", "--port", "0", database_url=url)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert (
        refused.stderr == "tessera: The database lacks migrations. Run `tessera migrate` first.\n"
    )
    assert tessera_here("migrate", database_url=url).returncode == 0
    with ServerProcess(tmp_path, database_url=url):
        pass
    postgres.drop_database_now(url)


def test_serve_migrates_sqlite_itself(tmp_path: Path, migrated_file: Path) -> None:
    """And makes the schema that tests have, whose migrations are quickened."""
    url = f"sqlite://{tmp_path}/new.db"
    with ServerProcess(tmp_path, database_url=url, command=TESSERA):
        pass
    schema = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
    with (
        closing(sqlite3.connect(migrated_file)) as quickened,
        closing(sqlite3.connect(urlsplit(url).path)) as connection,
    ):
        assert connection.execute(schema).fetchall() == quickened.execute(schema).fetchall()
        assert connection.execute(f"SELECT count(*) FROM {RECORD}").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("SELECT count(*) FROM token").fetchone() == (0,)


_FOLDER = Path(models.__file__).parent / "migrations"
_FROZEN = "models.migrations._frozen"


def live_imports(source: str) -> list[str]:
    """The modules of `models` and `server` that a migration imports, except the frozen one."""
    imported = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported.append("." * node.level + (node.module or ""))
    return [
        name
        for name in imported
        if name.startswith((".", "importlib")) or name.split(".")[0] in {"models", "server"}
        if name != _FROZEN
    ]


@pytest.mark.parametrize("name", [*MIGRATIONS, "_frozen"])
def test_migration_imports_nothing_that_may_change(name: str) -> None:
    assert live_imports((_FOLDER / f"{name}.py").read_text()) == []


@pytest.mark.parametrize(
    "breach",
    [
        "from models.rows import new_id",
        "import models",
        "from models import Token as Row",
        "from ..rows import new_id",
        "from . import _frozen",
        "import importlib",
        "def forward():\n    from server.texts import index_words",
    ],
)
def test_live_import_in_a_migration_is_found(breach: str) -> None:
    assert live_imports(breach)
    assert live_imports(f"from {_FROZEN} import now\n{breach}")
