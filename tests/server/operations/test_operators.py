"""How an operator enters a tenant: by its slug, or by a token's secret."""

import pytest

import models
from server.access.principal import Operator
from server.decisions.rotation_requests import RotationRequest
from server.errors import InvalidInput, NotFound
from server.operations import operators, rotation, tokens
from tests.support.factories import World


async def test_operator_enters_one_tenant(world: World) -> None:
    person, other = await world.person(), await world.person()
    mine, foreign = (await world.token(person)).token, (await world.token(other)).token
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    operator = await operators.enter(Operator("ada"), tenant.slug)
    assert (operator.tenant_id, operator.actor) == (tenant.id, Operator("ada").actor)
    assert set(await tokens.find_many(operator, [mine.id, foreign.id])) == {mine.id}
    with pytest.raises(NotFound):
        await operators.enter(Operator(), "nobody")
    with pytest.raises(InvalidInput):
        await operators.enter(Operator(), "No Slug")


async def test_token_is_found_by_each_of_its_secrets(world: World) -> None:
    person, other = await world.person(), await world.person()
    made = await world.token(person)
    await world.token(other)
    request = RotationRequest(compromised=True)
    rotated = await rotation.rotate(person.principal, world.service, made.token.id, request)
    for secret, is_retired in ((made.secret, True), (rotated.secret, False)):
        found = await operators.find_by_secret(Operator("ada"), world.service, secret)
        assert found.token_id == made.token.id
        assert found.operator.tenant_id == person.admin.tenant_id
        assert found.operator.actor == Operator("ada").actor
        assert found.is_retired is is_retired
    await tokens.revoke(person.principal, made.token.id)
    found = await operators.find_by_secret(Operator(), world.service, rotated.secret)
    assert found.token_id == made.token.id


@pytest.mark.parametrize("secret", ["", "nonsense", "tsr_", "\0", "x" * 100_000])
async def test_text_that_is_no_secret_finds_nothing(secret: str, world: World) -> None:
    await world.token(await world.person())
    with pytest.raises(NotFound):
        await operators.find_by_secret(Operator(), world.service, secret)
