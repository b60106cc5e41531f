"""The migrations: they make the schema that the models describe, once, wholly, and before serving.

What the schema itself must be like, for a database distributed by tenant, is in
`test_distribution`.
"""

import asyncio
import shutil
import sqlite3
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
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
from models import Role
from models.distribution import TABLES, key_by_tenant
from models.token_search import index_words
from server import database
from server.access import token_search
from server.access.principal import SignedInAdmin
from server.app import create_app, running_service
from server.database import migrations
from server.database.connections import apps_of
from server.operations import tokens
from server.paging import PageRequest
from server.token_format import DigestKey
from tests.conftest import settings_for
from tests.support.postgres import PostgresServer
from tests.support.process import TESSERA, ServerProcess, tessera, tessera_environment

RECORD = "tortoise_migrations"
_BROKEN = """
from tortoise import fields, migrations
from tortoise.migrations import operations as ops

async def fail(apps, schema_editor):
    raise ZeroDivisionError("half way")

class Migration(migrations.Migration):
    dependencies = [("models", "{last}")]
    operations = [
        ops.CreateModel(
            name="Planted",
            fields=[("id", fields.IntField(primary_key=True))],
            options={"table": "planted", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.RunPython(fail),
    ]
"""

WRITTEN = sorted(file.stem for file in Path(models.__file__).parent.glob("migrations/[0-9]*.py"))

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
# But for the full-text index and its own tables, whose statement tells all of them.
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
    """Everything that the connected database's schema says, but for the names of indexes."""
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


async def test_migrating_makes_the_schema_that_the_models_describe(
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
        await index_words(client)
        fresh = await schema_now()
    assert migrated == fresh
    assert {fact[0] for fact in migrated} == {model._meta.db_table for model in all_models()}
    await postgres.drop_database(url)


def all_models() -> list[type[Model]]:
    every = (getattr(models, name) for name in models.__all__)
    classes = [one for one in every if isinstance(one, type) and issubclass(one, Model)]
    return [model for model in classes if model._meta.db_table]


async def test_the_comparison_notices_a_lost_constraint_and_another_type(
    database_url: str,
) -> None:
    """What SQLite's way of altering a column was seen to lose without a word."""
    async with database.connected(settings_for(database_url)):
        client, before = database.connection(), await schema_now()
        await client.execute_script("DROP INDEX idx_token_live")
        without_index = await schema_now()
        await client.execute_script("ALTER TABLE token ADD COLUMN note VARCHAR(7)")
        assert len(before - without_index) == 1
        assert len(await schema_now() - without_index) == 1


async def test_the_models_have_no_change_that_lacks_a_migration(
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


@pytest.fixture(params=["sqlite", "postgres"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with nothing in it, of either kind."""
    if request.param == "sqlite":
        yield f"sqlite://{tmp_path}/bare.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database_now()
    yield url
    server.drop_database_now(url)


async def test_of_several_that_migrate_at_once_one_does_and_all_succeed(bare_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            *TESSERA,
            "migrate",
            env=tessera_environment(bare_url),
            stdout=PIPE,
            stderr=PIPE,
        )
        for _ in range(3)
    ]
    said = [await process.communicate() for process in processes]
    assert [
        (process.returncode, err) for process, (_, err) in zip(processes, said, strict=True)
    ] == [(0, b"")] * 3
    nothing, done = "nothing to apply\n", "".join(f"applied {name}\n" for name in WRITTEN)
    assert sorted(out.decode() for out, _ in said) == [done, nothing, nothing]
    async with database.connected(settings_for(bare_url)):
        assert await database.unapplied_migrations() == []
        _, rows = await database.connection().execute_query(f"SELECT name FROM {RECORD}")
        assert sorted(row["name"] for row in rows) == WRITTEN


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations, which a test adds one to."""
    folder = tmp_path / f"migrations_of_{tmp_path.name}"
    shutil.copytree(Path(models.__file__).parent / "migrations", folder)
    monkeypatch.syspath_prepend(tmp_path)
    apps = apps_of

    def planted_apps(name: str) -> dict[str, dict[str, Any]]:
        return {"models": apps(name)["models"] | {"migrations": folder.name}}

    monkeypatch.setattr(migrations, "apps_of", planted_apps)
    return folder


def plant_a_broken_one(folder: Path) -> None:
    (folder / "9999_broken.py").write_text(_BROKEN.replace("{last}", WRITTEN[-1]))


def withheld(planted: Path, first: str) -> dict[Path, str]:
    """Take away the migrations from `first` on; gives their texts, for `applied`."""
    later = [planted / f"{name}.py" for name in WRITTEN if name >= first]
    written = {file: file.read_text() for file in later}
    for file in later:
        file.unlink()
    return written


async def applied(withheld: dict[Path, str], url: str) -> None:
    """Put back the migrations that were taken away, and apply them."""
    for file, text in withheld.items():
        file.write_text(text)
    await database.migrate(settings_for(url))


async def test_the_last_uses_of_tokens_move_into_their_own_table(
    bare_url: str, planted: Path
) -> None:
    later = withheld(planted, "0005")
    await database.migrate(settings_for(bare_url))
    tenant_id, whole, partly, never = (models.new_id() for _ in range(4))
    at = datetime(2026, 3, 3, 12, 0, 0, 250, tzinfo=UTC)
    async with database.connected(settings_for(bare_url)):
        for token_id, used in (
            (whole, f"'{at}', '192.0.2.1', 'curl'"),
            (partly, f"'{at}', NULL, NULL"),
            (never, "NULL, NULL, NULL"),
        ):
            await database.connection().execute_script(
                "INSERT INTO token (id, created_at, tenant_id, name, description, search_text,"
                " digest, hint, revision, created_by_id, last_used_at, last_used_from,"
                f" last_used_user_agent) VALUES ('{token_id}', '{at}', '{tenant_id}', 'n', 'd',"
                f" 'n', '{token_id}', 'tsr_', 3, '{tenant_id}', {used})"
            )
    await applied(later, bare_url)
    async with database.connected(settings_for(bare_url)):
        last_uses = models.TokenLastUse.filter(tenant_id=tenant_id).order_by("id")
        columns = ("id", "created_at", "last_used_at", "last_used_from", "last_used_user_agent")
        assert await last_uses.values_list(*columns) == [
            (whole, at, at, "192.0.2.1", "curl"),
            (partly, at, at, "", ""),
        ]
        tokens = models.Token.filter(tenant_id=tenant_id).order_by("id")
        assert await tokens.values_list("id", "name", "revision", "revoked_at") == [
            (token_id, "n", 3, None) for token_id in (whole, partly, never)
        ]


async def test_the_brands_of_live_tokens_are_noted(bare_url: str, planted: Path) -> None:
    later = withheld(planted, "0006")
    await database.migrate(settings_for(bare_url))
    at, tenant_id = models.now(), models.new_id()
    async with database.connected(settings_for(bare_url)):
        for hint, revoked in (
            ("tsr_aaaaaa…", "NULL"),
            ("tsr_bbbbbb…", "NULL"),
            ("acme_cccccc…", "NULL"),
            ("gone_dddddd…", f"'{at}'"),
        ):
            await database.connection().execute_script(
                "INSERT INTO token (id, created_at, tenant_id, name, description, search_text,"
                " digest, hint, revision, created_by_id, revoked_at) VALUES"
                f" ('{models.new_id()}', '{at}', '{tenant_id}', 'n', 'd', 'n', '{hint}', '{hint}',"
                f" 1, '{tenant_id}', {revoked})"
            )
    await applied(later, bare_url)
    async with database.connected(settings_for(bare_url)):
        assert {row.brand for row in await models.TokenBrand.all()} == {"tsr", "acme"}


async def test_the_search_of_tokens_moves_into_its_own_table_and_addresses_get_one_spelling(
    bare_url: str, planted: Path
) -> None:
    later = withheld(planted, "0008")
    await database.migrate(settings_for(bare_url))
    owner = SignedInAdmin(models.new_id(), models.new_id(), Role.OWNER, models.new_id())
    istanbul, api, revoked = (models.new_id() for _ in range(3))
    texts = {istanbul: ("İstanbul", "Nightly export"), api: ("ＡＰＩ", ""), revoked: ("api", "")}
    addresses = ["ada@bücher.example", "grace@bücher.example", "grace@xn--bcher-kva.example"]
    async with database.connected(settings_for(bare_url)):
        run = database.connection().execute_script
        for token_id, (name, description) in texts.items():
            ended = "'2026-03-03 12:00:00+00:00'" if token_id == revoked else "NULL"
            await run(
                "INSERT INTO token (id, created_at, tenant_id, name, description, search_text,"
                " digest, hint, revision, created_by_id, revoked_at) VALUES"
                f" ('{token_id}', '2026-03-03 12:00:00+00:00', '{owner.tenant_id}', '{name}',"
                f" '{description}', 'x', '{token_id}', 'tsr_', 1, '{owner.admin_id}', {ended})"
            )
        for address in addresses:
            await run(
                "INSERT INTO admin (id, created_at, tenant_id, email, name, role) VALUES"
                f" ('{models.new_id()}', '2026-03-03 12:00:00+00:00', '{owner.tenant_id}',"
                f" '{address}', 'A', 'ADMIN')"
            )
    await applied(later, bare_url)
    async with database.connected(settings_for(bare_url)):
        for term, found in {
            "istanbul": [istanbul],
            "api": [api],
            "n": [istanbul],
            "nightly export": [istanbul],
        }.items():
            page = await tokens.search(owner, PageRequest(), term)
            assert [row.id for row in page.rows] == found, term
        kept = {row.id: row for row in await models.TokenSearch.filter(tenant_id=owner.tenant_id)}
        for row in await models.Token.filter(tenant_id=owner.tenant_id, revoked_at=None):
            written, now = kept[row.id], token_search.row_of(row)
            assert (written.text, written.words, written.place) == (now.text, now.words, now.place)
        assert kept.keys() == {istanbul, api}
        admins = models.Admin.filter(tenant_id=owner.tenant_id)
        # Of two spellings that were two admins, the first stays as it was.
        assert sorted([admin.email for admin in await admins]) == [
            "ada@xn--bcher-kva.example",
            "grace@bücher.example",
            "grace@xn--bcher-kva.example",
        ]


@pytest.mark.parametrize("is_kept", [True, False])
async def test_the_key_of_digests_stays_what_it_was(
    bare_url: str, planted: Path, is_kept: bool
) -> None:
    """Whether the database keeps it or the settings give it."""
    later = withheld(planted, "0009")
    await database.migrate(settings_for(bare_url))
    key = bytes(range(32))
    check, kept = DigestKey(key).fingerprint(0), key if is_kept else None
    async with database.connected(settings_for(bare_url)):
        marks = "$1, $2" if bare_url.startswith("postgres") else "?, ?"
        await database.connection().execute_query(
            "INSERT INTO installation (id, digest_key_check, digest_key)"
            f" VALUES ('tessera', {marks})",
            [check, kept],
        )
    await applied(later, bare_url)
    settings = replace(settings_for(bare_url), digest_key=() if is_kept else (key,))
    async with running_service(settings) as service:
        assert service.digest_key.digest("token", "x") == DigestKey(key).digest("token", "x")
        [row] = await models.InstallationKey.all()
        assert (row.generation, row.key, row.state) == (0, kept, models.KeyState.CURRENT)


async def test_a_migration_that_fails_leaves_nothing_of_itself_or_of_those_before_it(
    bare_url: str, planted: Path
) -> None:
    plant_a_broken_one(planted)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await database.migrate(settings_for(bare_url))
        async with database.connected(settings_for(bare_url)):
            assert await schema_now() == set()


async def test_a_migration_that_fails_leaves_a_database_in_use_as_it_was(
    database_url: str, planted: Path
) -> None:
    async with database.connected(settings_for(database_url)):
        before = await schema_now()
    plant_a_broken_one(planted)
    with pytest.raises(ZeroDivisionError):
        await database.migrate(settings_for(database_url))
    async with database.connected(settings_for(database_url)):
        assert await schema_now() == before
        assert await database.unapplied_migrations() == ["9999_broken"]


async def test_an_instance_whose_database_lacks_a_migration_is_not_ready(
    database_url: str, planted: Path
) -> None:
    async with running_service(settings_for(database_url)) as service:
        transport = httpx2.ASGITransport(app=create_app(service))
        async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
            assert (await http.get("/readyz")).status_code == 200
            plant_a_broken_one(planted)
            answer = await http.get("/readyz")
    assert answer.status_code == 503
    assert "tessera migrate" in answer.json()["detail"]


def test_serve_refuses_an_unmigrated_database_and_names_the_command(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.create_database_now()
    refused = tessera("serve", "--port", "0", database_url=url)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert (
        refused.stderr == "tessera: The database lacks migrations. Run `tessera migrate` first.\n"
    )
    assert tessera("migrate", database_url=url).returncode == 0
    with ServerProcess(tmp_path, database_url=url):
        pass
    postgres.drop_database_now(url)


def test_serve_migrates_an_embedded_database_by_itself(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/new.db"
    with ServerProcess(tmp_path, database_url=url):
        pass
    with closing(sqlite3.connect(urlsplit(url).path)) as connection:
        assert connection.execute(f"SELECT count(*) FROM {RECORD}").fetchone() == (len(WRITTEN),)
        assert connection.execute("SELECT count(*) FROM token").fetchone() == (0,)


async def test_permissions_of_tokens_are_told_by_method_and_shape(
    bare_url: str, planted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In portions of two: what a token held by another name of a parameter, it holds once."""
    later = [planted / f"{name}.py" for name in WRITTEN if name >= "0010"]
    written = {file: file.read_text() for file in later}
    for file in later:
        file.unlink()
    await database.migrate(settings_for(bare_url))
    tenant_id, at = models.new_id(), datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
    held = {
        models.new_id(): keys
        for keys in (
            ["GET /a/{x}", "GET /a/{y}", "PUT /a/{x}"],
            [],
            [f"GET /b{n}" for n in range(5)],
            ["GET /f/{p+}", "GET /f/{p}"],
            [f"GET /c{n}/{{id}}" for n in range(60)],
        )
    }
    async with database.connected(settings_for(bare_url)):
        script = database.connection().execute_script
        for token_id, keys in held.items():
            is_sqlite = bare_url.startswith("sqlite")
            grants = "NULL" if len(keys) > 48 else "x'00'" if is_sqlite else r"'\x00'"
            await script(
                "INSERT INTO token (id, created_at, tenant_id, name, description,"
                " digest, hint, revision, created_by_id, grants)"
                f" VALUES ('{token_id}', '{at}', '{tenant_id}', 'n', 'd',"
                f" '{token_id}', 'tsr_', 3, '{tenant_id}', {grants})"
            )
            for key in keys:
                await script(
                    "INSERT INTO token_permission (id, created_at, tenant_id, token_id, key)"
                    f" VALUES ('{models.new_id()}', '{at}', '{tenant_id}', '{token_id}', '{key}')"
                )
    for file, text in written.items():
        file.write_text(text.replace("_AT_ONCE = 500", "_AT_ONCE = 2"))
    await database.migrate(settings_for(bare_url))
    async with database.connected(settings_for(bare_url)):
        for token_id, keys in held.items():
            token = await models.Token.get(tenant_id=tenant_id, id=token_id)
            rows = await models.TokenPermission.filter(tenant_id=tenant_id, token_id=token_id)
            kept = [key for key in keys if key != "GET /a/{x}"]  # the newer of two is kept
            assert {row.key: row.fingerprint for row in rows} == {
                key: models.permission_fingerprint(key) for key in kept
            }
            if len(keys) > 48:
                assert token.grants is None
            else:
                marks = {
                    bytes(token.grants or b"")[n : n + 16] for n in range(0, len(kept) * 16, 16)
                }
                assert marks == {models.permission_fingerprint(key) for key in kept}
                assert len(token.grants or b"") == 16 * len(kept)
