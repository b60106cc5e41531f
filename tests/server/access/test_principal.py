"""Principals: a new kind of principal uses the operations of a tenant as they are."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from uuid import UUID

import pytest

import models
from models import ActorKind
from server.access.principal import (
    Actor,
    IntrospectionClient,
    Operator,
    Principal,
    TenantOperator,
)
from server.errors import Forbidden, NotFound
from server.operations import admins, conditions, rotation, tokens
from server.roles import Right
from server.service import Service
from tests.support.factories import World

_CREDENTIAL = UUID(int=7)


@dataclass(frozen=True, slots=True)
class _Machine(Principal):
    """A machine that manages the tokens of one tenant."""

    @property
    def rights(self) -> AbstractSet[Right]:
        return {Right.READ, Right.MANAGE_TOKENS}

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.MACHINE, _CREDENTIAL)


async def test_a_principal_without_a_session_changes_tokens_and_is_the_actor(
    service: Service, world: World
) -> None:
    tenant_id = (await world.person()).admin.tenant_id
    machine = _Machine(tenant_id)
    made = await tokens.create(machine, service, name="before", idempotency_key="k")
    await tokens.rename(machine, made.token.id, "after")
    written = await models.Activity.filter(tenant_id=tenant_id, subject_id=made.token.id)
    assert {row.actor_id for row in written} == {_CREDENTIAL}
    assert len(written) == 2


async def test_a_principal_is_kept_to_its_rights_and_to_its_tenant(
    service: Service, world: World
) -> None:
    person, other = await world.person(), await world.person()
    machine = _Machine(person.admin.tenant_id)
    foreign = (await world.token(other)).token.id
    with pytest.raises(Forbidden):
        await admins.remove(machine, person.admin.id)
    with pytest.raises(NotFound):
        await tokens.rename(machine, foreign, "after")


@pytest.mark.parametrize("right", Right, ids=lambda right: right.name)
def test_callers_of_the_installation_have_one_right_each(right: Right) -> None:
    for caller, only in (
        (Operator(), Right.MANAGE_INSTALLATION),
        (IntrospectionClient(_CREDENTIAL), Right.INTROSPECT),
    ):
        if right is only:
            caller.require(right)
        else:
            with pytest.raises(Forbidden):
                caller.require(right)


async def test_operator_stops_tokens_of_one_tenant_and_makes_none(
    service: Service, world: World
) -> None:
    person, other = await world.person(), await world.person()
    token, foreign = (await world.token(person)).token, (await world.token(other)).token
    operator = TenantOperator(person.admin.tenant_id)
    assert (await conditions.pause(operator, token.id)).paused_at
    assert (await tokens.revoke(operator, token.id)).revoked_at
    with pytest.raises(NotFound):
        await tokens.revoke(operator, foreign.id)
    with pytest.raises(Forbidden):
        await tokens.create(operator, service, name="from outside")
    with pytest.raises(Forbidden):
        await rotation.rotate(operator, service, foreign.id)
