"""What tokens need care: as the console shows it, to every admin of the tenant and to no other."""

from datetime import timedelta
from typing import Any

import pytest

import models
from models import RefusalReason, Role
from server.operations import reminders, rotation, tokens
from server.service import Service
from tests.support.factories import Client, Person, World, token_id

_DAY = timedelta(days=1)
_QUERY = """{ tokenReminders {
    overdueRotations { id rotation { startedAt } } retiredSecretsUsed { id name } } }"""


async def _rotate(
    service: Service, person: Person, token: models.Token, age: timedelta, **columns: Any
) -> None:
    await rotation.rotate(person.principal, service, token.id)
    own = models.TokenRotation.filter(tenant_id=token.tenant_id, id=token.id)
    await own.update(created_at=models.now() - age, **columns)


async def _refuse(
    token: models.Token, age: timedelta, reason: RefusalReason = RefusalReason.SECRET_RETIRED
) -> None:
    await models.TokenRefusal.create(
        tenant_id=token.tenant_id,
        token_id=token.id,
        created_at=models.now() - age,
        method="GET",
        path="/api",
        reason=reason,
        address="192.0.2.1",
        user_agent="x",
        request_id="x",
    )


async def test_rotations_that_wait_for_a_week_and_retired_secrets_in_use_are_told(
    service: Service, world: World, client: Client
) -> None:
    person = await world.person()
    made = [(await world.token(person, f"token {number}")).token for number in range(8)]
    later, earlier, young, used, revoked, over, retired, other = made
    await _rotate(service, person, later, 8 * _DAY)
    await _rotate(service, person, earlier, 20 * _DAY)
    await _rotate(service, person, young, 6 * _DAY)
    await _rotate(service, person, used, 8 * _DAY, picked_up_at=models.now() - _DAY)
    await _rotate(service, person, revoked, 8 * _DAY)
    await _rotate(service, person, over, 8 * _DAY, latest_by=models.now() - _DAY)
    for token, age in ((retired, _DAY / 2), (retired, _DAY / 3), (other, 2 * _DAY)):
        await _refuse(token, age)
    await _refuse(other, _DAY / 2, RefusalReason.EXPIRED)
    await _refuse(revoked, _DAY / 2)
    await tokens.revoke(person.principal, revoked.id)
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    for one in (person, await world.person(tenant, Role.AUDITOR)):
        told = (await client.of(one).data(_QUERY))["tokenReminders"]
        assert [each["id"] for each in told["overdueRotations"]] == [
            token_id(earlier),
            token_id(later),
        ]
        assert all(each["rotation"]["startedAt"] for each in told["overdueRotations"])
        assert told["retiredSecretsUsed"] == [{"id": token_id(retired), "name": "token 6"}]
    stranger = await client.of(await world.person()).data(_QUERY)
    assert stranger["tokenReminders"] == {"overdueRotations": [], "retiredSecretsUsed": []}


async def test_tokens_that_are_told_are_bounded(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders, "MAX_REMINDED", 2)
    person = await world.person()
    made = [(await world.token(person)).token for _ in range(4)]
    for number, token in enumerate(made):
        await _rotate(service, person, token, (20 - number) * _DAY)
        await _refuse(token, _DAY / 2)
    found = await reminders.current(person.principal)
    assert [one.id for one in found.overdue] == [made[0].id, made[1].id]
    assert [one.id for one in found.retired_used] == [made[3].id, made[2].id]
