"""Failed sign-ins in the activity: the first ones with their number, and never many rows."""

import pytest

import models
from models import ActivityKind
from server import database
from server.access.attempts import FORGOTTEN_AFTER
from server.access.failed_sign_ins import MAX_AN_HOUR, noting_failure
from server.access.sessions import sign_in
from server.access.visitors import account_of
from server.errors import WrongPassword
from tests.support.factories import World
from tests.support.statements import caught

_FAILED = {"kind": ActivityKind.SIGN_IN_FAILED}


async def _fail(world: World, slug: str, email: str, times: int, address: str = "::1") -> None:
    account = await account_of(slug, email)
    note = noting_failure(world.service.digest_key, account, address)
    for _ in range(times):
        async with database.transaction():
            await note()


async def test_failures_of_an_account_are_told_at_powers_of_two(world: World) -> None:
    person = await world.person()
    slug = (await models.Tenant.get(id=person.admin.tenant_id)).slug
    with pytest.raises(WrongPassword):
        await sign_in(
            world.service, tenant=slug, email=person.admin.email, password="x", address="::1"
        )
    await _fail(world, slug, person.admin.email, 99)
    rows = await models.Activity.filter(**_FAILED).order_by("id")
    assert [row.details for row in rows] == [{"failures": 1 << n} for n in range(7)]
    assert {row.subject_id for row in rows} == {person.admin.id}
    assert {(row.actor_kind, row.address) for row in rows} == {(models.ActorKind.SYSTEM, "::1")}


async def test_a_tenant_is_told_of_so_many_an_hour_and_of_more_later(world: World) -> None:
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    people = [await world.person(tenant, models.Role.ADMIN) for _ in range(MAX_AN_HOUR + 5)]
    for person in people:
        await _fail(world, tenant.slug, person.admin.email, 1)
    told = models.Activity.filter(tenant_id=tenant.id, **_FAILED)
    assert await told.count() == MAX_AN_HOUR
    long_ago = models.now() - 2 * FORGOTTEN_AFTER
    await models.AttemptCounter.filter(tenant_id=tenant.id).update(failed_at=long_ago)
    await _fail(world, tenant.slug, owner.admin.email, 1)
    assert await told.count() == MAX_AN_HOUR + 1


async def test_unknown_accounts_are_told_to_the_operator_without_a_name(world: World) -> None:
    person = await world.person()
    slug = (await models.Tenant.get(id=person.admin.tenant_id)).slug
    for number in range(MAX_AN_HOUR + 20):
        await _fail(world, slug, f"nobody-{number}@example.com", 1)
    assert not await models.Activity.filter(tenant_id=person.admin.tenant_id).exists()
    rows = await models.Activity.filter(tenant_id=models.INSTALLATION)
    assert len(rows) == MAX_AN_HOUR
    assert "nobody" not in str([(row.details, row.actor_name, row.subject_id) for row in rows])


async def test_known_and_unknown_accounts_take_the_same_statements(world: World) -> None:
    person = await world.person()
    slug = (await models.Tenant.get(id=person.admin.tenant_id)).slug
    seen: list[list[str]] = []
    for email in (person.admin.email, "nobody@example.com"):
        with caught() as statements:
            await _fail(world, slug, email, 3)
        seen.append([sql for sql, _ in statements][2:])
    assert seen[0] == seen[1] != []
