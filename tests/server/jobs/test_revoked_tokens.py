"""The rows of tokens that were revoked long ago go, and the activity keeps their names."""

from datetime import timedelta

import models
from models import ActivityKind
from server.decisions.rotation_requests import RotationRequest
from server.jobs import revoked_tokens
from server.operations import activity, rotation, tokens
from server.paging import PageRequest
from server.service import Service
from tests.support.factories import Client, Person, World, token_id

KEY = "GET /api/v1/devices"
_ALL = PageRequest(50)


async def _old(world: World, person: Person, name: str, days: int) -> models.Token:
    """A token that was used and rotated, and revoked so many days ago."""
    made = await world.token(person, name, permissions=[KEY], idempotency_key=name)
    token = made.token
    await rotation.rotate(person.principal, world.service, token.id, RotationRequest())
    await models.TokenLastUse.create(
        id=token.id, tenant_id=token.tenant_id, last_used_at=models.now(), last_used_from="",
        last_used_user_agent="",
    )  # fmt: skip
    await tokens.revoke(person.principal, token.id)
    own = models.Token.filter(tenant_id=token.tenant_id, id=token.id)
    await own.update(revoked_at=models.now() - timedelta(days=days))
    return token


async def _left(token: models.Token) -> tuple[int, ...]:
    """How many rows: of permissions, secrets, rotations, last uses, and of the token itself."""
    tenant_id = token.tenant_id
    return (
        await models.TokenPermission.filter(tenant_id=tenant_id, token_id=token.id).count(),
        await models.TokenSecret.filter(tenant_id=tenant_id, token_id=token.id).count(),
        await models.TokenRotation.filter(tenant_id=tenant_id, id=token.id).count(),
        await models.TokenLastUse.filter(tenant_id=tenant_id, id=token.id).count(),
        await models.Token.filter(tenant_id=tenant_id, id=token.id).count(),
    )


async def _run(service: Service) -> None:
    async for _ in revoked_tokens.delete_old(service.settings):
        pass


async def test_what_belongs_to_a_token_goes_long_after_its_revocation(
    service: Service, world: World, client: Client
) -> None:
    person, other = await world.person(), await world.person()
    live = (await world.token(person, "live", permissions=[KEY])).token
    old = [await _old(world, person, f"old {number}", 401) for number in range(23)]
    young, theirs = await _old(world, person, "young", 399), await _old(world, other, "x", 401)
    await _run(service)
    assert {await _left(token) for token in [*old, theirs]} == {(0, 0, 0, 0, 1)}
    assert (await _left(young), await _left(live)) == ((1, 2, 1, 1, 1), (1, 1, 0, 0, 1))
    keys = await models.Token.filter(tenant_id=old[0].tenant_id, idempotency_key__isnull=False)
    assert [token.name for token in keys] == ["young"]
    query = "query ($id: ID!) { token(id: $id) { name state permissions { key } } }"
    shown = await client.of(person).data(query, id=token_id(old[3]))
    assert shown == {"token": {"name": "old 3", "state": "REVOKED", "permissions": []}}
    page = await activity.of_token(person.principal, old[3].id, _ALL)
    assert page.rows[0].kind is ActivityKind.REVOKED


async def test_token_itself_goes_with_the_last_activity_of_it(
    service: Service, world: World
) -> None:
    person = await world.person()
    told, untold = [await _old(world, person, name, 401) for name in ("told", "untold")]
    live = (await world.token(person, "live")).token
    for token in (untold, live):
        own = models.Activity.filter(tenant_id=token.tenant_id, subject_id=token.id)
        await own.delete()
    await _run(service)
    assert [(await _left(token))[-1] for token in (told, untold, live)] == [1, 0, 1]
