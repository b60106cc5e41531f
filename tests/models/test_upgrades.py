"""Two versions serve side by side through an upgrade: expand, migrate, contract.

A migration after `LAST_WITH_A_GAP` only adds, so that instances of the version before go on. What
they use is removed by a later version, in a migration that says so in its name:
`0031_contract_0028_…` is safe for versions that have the migration 0028.
"""

import ast
import asyncio
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

import models
from server import database
from server.errors import Misconfigured
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.migrations import MIGRATIONS
from tests.support.process import ROOT
from tests.support.surfaces import Surfaces, surfaces
from tests.support.waiting import until

# Versions up to here end before the next one migrates.
LAST_WITH_A_GAP = "0029_search_everything"
# The last migration of the newest release, which contracts may rely on; none was made yet.
LAST_RELEASED: str | None = None
_EXEMPT = re.compile(r"# exempt breaks_the_version_before: \w")
_CONTRACT = re.compile(r"[0-9]{4}_contract_([0-9]{4})_\w+")
_NEW = "0099_a_new_one"


def breaches(name: str, operations: Sequence[Any], source: str) -> Iterator[str]:
    """The operations of a migration that the version before could not serve beside."""
    if "contract" in name:
        yield from _breaches_of_contract(name)
        return
    made: set[str] = set()
    for operation in operations:
        if isinstance(operation, ops.CreateModel):
            made.add(operation.name)
        elif not _is_harmless(operation, made, is_exempt=bool(_EXEMPT.search(source))):
            yield f"{name}: {operation.describe()}"


def _breaches_of_contract(name: str) -> Iterator[str]:
    match = _CONTRACT.fullmatch(name)
    if match is None:
        yield f"{name}: is not named NNNN_contract_MMMM_what"
    elif LAST_RELEASED is None or match[1] > LAST_RELEASED[:4]:
        yield f"{name}: no released version has the migration {match[1]}"


def _is_harmless(operation: Any, made: set[str], *, is_exempt: bool) -> bool:
    model = getattr(operation, "model_name", None)
    match operation:
        case ops.RunPython():
            return is_exempt or _only_keys_by_tenant(operation.code)
        case ops.RunSQL():
            return is_exempt
        case ops.AddField():
            field: Any = operation.field
            return model in made or field.null or field.has_db_default()
        case ops.AddIndex():
            return model in made or not getattr(operation.index, "unique", False)
        case _:
            return model in made


def _only_keys_by_tenant(code: Callable[..., Any]) -> bool:
    """Another primary key of the same columns: the version before does not see it."""
    function = ast.parse(textwrap.dedent(inspect.getsource(code))).body[0]
    match function:
        case ast.AsyncFunctionDef(body=[ast.Expr(ast.Await(ast.Call(ast.Name("key_by_tenant"))))]):
            return True
    return False


@pytest.mark.parametrize("name", [name for name in MIGRATIONS if name > LAST_WITH_A_GAP] or [None])
def test_migration_does_not_break_the_version_before(name: str | None) -> None:
    """To exempt RunPython and RunSQL, a comment gives the reason: see CONTRIBUTING.md."""
    if name is None:
        return  # since the last gap, no migration was made
    module = import_module(f"models.migrations.{name}")
    found = list(breaches(name, module.Migration.operations, inspect.getsource(module)))
    assert found == []


async def _moves_rows(_apps: Any, _schema_editor: Any) -> None:
    raise NotImplementedError


async def _keys(_apps: Any, schema_editor: Any) -> None:
    await key_by_tenant(schema_editor.client, ("planted",))


key_by_tenant: Any = None  # stands for that of `_frozen`: the call is read and not made
PLANTED = ops.CreateModel("Planted", [("id", fields.IntField(primary_key=True))])
REQUIRED, OPTIONAL = fields.IntField(), fields.IntField(null=True)
UNIQUE = UniqueConstraint(fields=("tenant_id", "name"), name="uid_x")


@pytest.mark.parametrize(
    "operation",
    [
        ops.RemoveField("Token", "name"),
        ops.RenameField("Token", "name", "title"),
        ops.AlterField("Token", "name", fields.CharField(max_length=10)),
        ops.AddField("Token", "size", REQUIRED),
        ops.AddConstraint("Token", UNIQUE),
        ops.RemoveIndex("Token", name="idx_token_live"),
        ops.DeleteModel("Token"),
        ops.RenameModel("Token", "Key"),
        ops.RunPython(_moves_rows),
        ops.RunSQL("ALTER TABLE token DROP COLUMN name"),
    ],
)
def test_operation_that_breaks_the_version_before_is_found(operation: Any) -> None:
    assert list(breaches(_NEW, [PLANTED, operation], "")) == [f"{_NEW}: {operation.describe()}"]


def test_operations_that_only_add_pass() -> None:
    added = [
        PLANTED,
        ops.AddField("Planted", "size", REQUIRED),
        ops.AddConstraint("Planted", UNIQUE),
        ops.RunPython(_keys),
        ops.AddField("Token", "size", OPTIONAL),
        ops.AddField("Token", "weight", fields.IntField(db_default=0)),
        ops.AddIndex("Token", Index(fields=["tenant_id", "size"])),
    ]
    assert list(breaches(_NEW, added, "")) == []
    reason = "# exempt breaks_the_version_before: fills a new column"
    assert list(breaches(_NEW, [ops.RunPython(_moves_rows)], reason)) == []


@pytest.mark.parametrize(
    ("name", "released", "is_found"),
    [
        ("0031_contract_0028_drop", "0029_x", False),
        ("0031_contract_0030_drop", "0029_x", True),
        ("0031_contract_0028_drop", None, True),
        ("0031_contract_drop", "0029_x", True),
    ],
)
def test_contract_relies_on_a_released_version(
    name: str, released: str | None, is_found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.LAST_RELEASED", released)
    found = list(breaches(name, [ops.RemoveField("Token", "name")], ""))
    assert bool(found) is is_found


def test_changelog_says_how_to_upgrade_to_each_version() -> None:
    versions = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1:]
    assert versions
    assert [text.splitlines()[0] for text in versions if "\nTo upgrade" not in text] == []


# Side by side

_EXPANDING = """
from tortoise import fields, migrations
from tortoise.migrations import operations as ops

class Migration(migrations.Migration):
    dependencies = [("models", "{last}")]
    operations = [
        ops.AddField("Token", "planted", fields.IntField(null=True)),
        ops.AddField("Tenant", "planted", fields.CharField(max_length=9, null=True)),
    ]
"""


async def apply(planted: Path, name: str, url: str) -> list[str]:
    """Migrate to a version with one migration more, which this version does not have."""
    file = planted / f"{name}.py"
    file.write_text(_EXPANDING.format(last=MIGRATIONS[-1]))
    try:
        return await database.migrate(settings_for(url))
    finally:
        file.unlink()


async def note_applied(name: str) -> None:
    await database.connection().execute_script(
        "INSERT INTO tortoise_migrations (app, name, applied_at)"
        f" VALUES ('models', '{name}', '{models.now()}')"
    )


async def is_all_served(running: Surfaces) -> None:
    asked = (running.check(), running.create(), running.viewer(), running.introspect())
    answers = await asyncio.gather(*asked)
    assert [answer.status_code for answer in answers] == [200] * 4, [a.text for a in answers]


async def test_version_before_serves_on_and_starts_until_what_it_uses_is_removed(
    database_url: str, planted: Path
) -> None:
    settings = settings_for(database_url)
    async with running_service(settings) as service, surfaces(service) as running:
        assert await apply(planted, "9997_expands", database_url) == ["9997_expands"]
        await is_all_served(running)
        assert (await running.ready()).status_code == 200
    assert await database.migrate(settings) == []
    async with running_service(settings) as service, surfaces(service) as running:
        await is_all_served(running)
        # This version has the migration that the contract relies on, and uses nothing of it,
        await note_applied(f"9998_contract_{MIGRATIONS[-1][:4]}_drop")
        assert (await running.ready()).status_code == 200
        # but not the one of the second.
        await note_applied("9999_contract_9997_drop")
        answer = await running.ready()
        assert answer.status_code == 503
        assert "9999_contract_9997_drop" in answer.json()["detail"]
    for start in (running_service(settings).__aenter__, lambda: database.migrate(settings)):
        with pytest.raises(Misconfigured, match="newer version"):
            await start()


async def test_requests_are_served_while_a_migration_waits_for_a_table(
    postgres_url: str, planted: Path
) -> None:
    """A statement that waits for a table makes everything after it wait: it gives up in time."""
    settings = settings_for(postgres_url)
    reader = await asyncpg.connect(postgres_url)
    async with running_service(settings) as service, surfaces(service) as running:
        transaction = reader.transaction()
        await transaction.start()
        await reader.fetch("SELECT FROM token")
        migrating = asyncio.create_task(apply(planted, "9997_expands", postgres_url))
        await until(lambda: reader.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        for _ in range(5):
            await is_all_served(running)
            await asyncio.sleep(0.3)
        assert not migrating.done()
        await transaction.rollback()
        assert await migrating == ["9997_expands"]
        await is_all_served(running)
    await reader.close()
