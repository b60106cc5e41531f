"""A deleted tenant: exported whole, closed before, and gone from every table."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tortoise import fields
from tortoise.models import Model

import models
from models import ActivityKind
from server.access.principal import Operator
from server.app import create_app
from server.errors import NotSuspended
from server.jobs import deleted_tenants
from server.operations import tenant_deletion, tenants
from server.service import Service
from tests.architecture.source import ROWS
from tests.support.factories import Person, World
from tests.support.gateways import gateway
from tests.support.process import tessera

KEY = "GET /api/v1/devices"
_OPERATOR = Operator("ada")
# Every table with a column `tenant_id`, as the models tell.
_TABLES = {
    str(row._meta.db_table): row
    for row in ROWS.values()
    if row._meta.db_table and "tenant_id" in row._meta.fields_map
}


def _value(name: str, field: Any, number: int) -> Any:
    match field:
        case fields.UUIDField():
            return models.new_id()
        case fields.BinaryField():
            return f"bytes of {name} {number}".encode()
        case fields.DatetimeField():
            return models.now()
        case fields.DateField():
            return models.now().date()
        case fields.JSONField():
            return {}
        case _ if hasattr(field, "enum_type"):
            return next(iter(field.enum_type))
        case fields.BooleanField():
            return False
        case fields.IntField() | fields.BigIntField() | fields.SmallIntField():
            return number
    return f"{name} {number}"[: getattr(field, "max_length", 16)]


async def _fill(tenant_id: UUID) -> None:
    """A row in every table: of tables to come, too."""
    for row in _TABLES.values():
        number = await row.all().count() + 1
        values = {name: _value(name, row._meta.fields_map[name], number) for name in _columns(row)}
        await row.create(**{**values, "tenant_id": tenant_id})


def _columns(row: type[Model]) -> Iterator[str]:
    """The columns to give values to. Rows with a constructor make a fingerprint of the key."""
    made = {"tenant_id"} | ({"fingerprint"} if "__init__" in vars(row) else set())
    return (name for name in row._meta.db_fields if name not in made)


async def _left(tenant_id: UUID) -> dict[str, int]:
    return {name: await row.filter(tenant_id=tenant_id).count() for name, row in _TABLES.items()}


async def _closed(person: Person) -> models.Tenant:
    slug = (await models.Tenant.get(id=person.admin.tenant_id)).slug
    return await tenants.suspend(_OPERATOR, slug)


async def _lines(tenant: models.Tenant) -> list[dict[str, Any]]:
    text = b"".join([portion async for portion in tenant_deletion.export(_OPERATOR, tenant)])
    return [json.loads(line) for line in text.splitlines()]


async def test_nothing_is_left_of_a_deleted_tenant_and_nothing_lost_of_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.access.whole_tenants._ROWS", 3)
    person, other = await world.person(), await world.person()
    for tenant_id in (person.admin.tenant_id, other.admin.tenant_id):
        await _fill(tenant_id)
    for number in range(8):
        await world.token(person, f"token {number}", permissions=[KEY])
    theirs = await _left(other.admin.tenant_id)
    assert min(theirs.values()) > 0
    tenant = await _closed(person)
    rows = sum((await _left(tenant.id)).values())
    await tenant_deletion.begin(_OPERATOR, tenant)
    assert await tenant_deletion.delete(_OPERATOR, tenant) == rows
    assert set((await _left(tenant.id)).values()) == {0}
    assert not await models.Tenant.filter(id=tenant.id).exists()
    assert await _left(other.admin.tenant_id) == theirs
    [told] = await models.Activity.filter(tenant_id=models.INSTALLATION)
    seen = (told.kind, told.subject_id, told.actor_name, told.details)
    assert seen == (ActivityKind.TENANT_DELETED, tenant.id, "ada", {"rows": rows})


async def test_export_has_every_row_and_no_secret(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.access.whole_tenants._ROWS", 3)
    person = await world.person()
    await _fill(person.admin.tenant_id)
    made = [await world.token(person, f"token {n}", permissions=[KEY]) for n in range(8)]
    tenant = await _closed(person)
    head, *rows, last = await _lines(tenant)
    assert (head["format"], head["tenant"]["slug"]) == (1, tenant.slug)
    assert head["leftOut"]["admin"] == ["password_hash"]
    counts = {name: n for name, n in (await _left(tenant.id)).items() if name != "token_search"}
    assert last == {"rows": counts}
    seen: dict[str, list[dict[str, Any]]] = {}
    for line in rows:
        seen.setdefault(line["table"], []).append(line["row"])
    assert {name: len(of_table) for name, of_table in seen.items()} == counts
    named = {row["id"]: (row["name"], row["tenant_id"]) for row in seen["token"]}
    assert {str(one.token.id) for one in made} <= named.keys()
    assert (made[0].token.name, str(tenant.id)) in named.values()
    text = json.dumps([head, *rows, last])
    admin = await models.Admin.get(tenant_id=tenant.id, id=person.admin.id)
    assert str(admin.password_hash) not in text
    for row in seen["token_secret"]:
        assert row.keys() & {"digest", "grants"} == set()


async def test_what_is_written_late_is_deleted_by_a_job(service: Service, world: World) -> None:
    """A decision of the last seconds waits in the memory of an instance until it is written."""
    person = await world.person()
    made = await world.token(person, permissions=[KEY])
    app = create_app(service)
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    asked = gateway(app)
    async with asked.http:
        host = f"{tenant.slug}.api.us.example.com"
        assert (await asked.ask(made.secret, host=host)).status_code == 200
        tenant = await _closed(person)
        await tenant_deletion.begin(_OPERATOR, tenant)
        await tenant_deletion.delete(_OPERATOR, tenant)
        assert (await asked.ask(made.secret, host=host)).json()["code"] == "INVALID_TOKEN"
    await app.close()
    assert sum((await _left(tenant.id)).values())
    async for _ in deleted_tenants.delete_late_rows():
        pass
    assert set((await _left(tenant.id)).values()) == {0}


async def test_resumed_tenant_is_not_deleted(world: World) -> None:
    person = await world.person()
    tenant = await _closed(person)
    await tenants.resume(_OPERATOR, tenant.slug)
    with pytest.raises(NotSuspended):
        await tenant_deletion.begin(_OPERATOR, tenant)
    await tenants.suspend(_OPERATOR, tenant.slug)
    with pytest.raises(NotSuspended):
        await tenant_deletion.begin(_OPERATOR, tenant)


async def test_command_exports_deletes_and_goes_on_where_it_was_cut_off(
    service: Service, world: World, tmp_path: Path
) -> None:
    tenant = await world.tenant("acme")
    person = await world.person(tenant)
    await world.token(person)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return tessera(*arguments, database_url=service.settings.database_url)

    file = tmp_path / "acme.ndjson"
    missing = run("tenant", "delete", "acme", "--export", str(tmp_path / "no" / "x"))
    assert (missing.returncode, "cannot be written" in missing.stderr) == (1, True)
    done = run("tenant", "delete", "acme", "--export", str(file))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert set((await _left(tenant.id)).values()) == {0}
    assert json.loads(file.read_text().splitlines()[-1]).keys() == {"rows"}
    again = run("tenant", "delete", "acme", "--export", str(tmp_path / "again"))
    assert (again.returncode, again.stderr) == (1, "tessera: Not found.\n")
    half = await world.tenant("half")
    await world.token(await world.person(half))
    await tenant_deletion.begin(_OPERATOR, await tenants.suspend(_OPERATOR, "half"))
    assert "deleting" in run("tenant", "list").stdout
    taken_up = run("tenant", "delete", "half", "--export", str(file))
    assert taken_up.stdout.startswith("Deleted tenant half: "), taken_up.stderr
    assert set((await _left(half.id)).values()) == {0}
