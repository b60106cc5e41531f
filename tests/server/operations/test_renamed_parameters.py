"""A path parameter is renamed in the document: tokens keep the same permission."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

import models
from models import ActivityKind
from server.access.principal import IntrospectionClient, Operator
from server.app import create_app
from server.catalogue import read_catalogue
from server.errors import InvalidInput
from server.graphql.permissions import shown_permissions
from server.operations import activity, permissions, tokens, usage
from server.operations.introspection import introspect
from server.paging import PageRequest
from server.service import Service
from tests.support.factories import World, grants_kept
from tests.support.gateways import Gateway, gateway

_OLD, _NEW = "GET /devices/{device_id}", "GET /devices/{id}"
_OTHERS = [f"GET /things{n}" for n in range(60)]


def _documented(folder: Path, key: str, *more: str) -> Path:
    paths = "".join(f"  {one.partition(' ')[2]}: {{get: {{}}}}\n" for one in (key, *more))
    file = folder / f"{len(key)}.yaml"
    file.write_text(f"openapi: 3.1.0\npaths:\n{paths}")
    return file


@pytest.fixture
def before(service: Service, tmp_path: Path) -> Service:
    return replace(service, catalogue=read_catalogue(_documented(tmp_path, _OLD, *_OTHERS)))


@pytest.fixture
def after(service: Service, tmp_path: Path) -> Service:
    settings = replace(service.settings, gateway="nginx")
    catalogue = read_catalogue(_documented(tmp_path, _NEW, *_OTHERS))
    return replace(service, catalogue=catalogue, settings=settings)


@pytest.mark.parametrize("others", [0, 60])
async def test_permission_is_allowed_shown_and_introspected_under_its_new_name(
    world: World, before: Service, after: Service, others: int
) -> None:
    """For permissions in the token's own row and in rows of their own."""
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    made = await tokens.create(
        person.principal, before, name="t", permissions=[_OLD, *_OTHERS[:others]]
    )
    app = create_app(after)
    async with gateway(app, "nginx").http as http:
        host = f"{tenant.slug}.api.us.example.com"
        answer = await Gateway(http, "nginx").ask(made.secret, "GET", "/devices/1", host=host)
    await app.close()
    assert (answer.status_code, answer.headers["x-tessera-permission"]) == (200, _NEW)
    held = (await tokens.permission_keys(person.principal, [made.token.id]))[made.token.id]
    shown = shown_permissions(after.catalogue, held)
    assert (shown[0].key, any(one.retired for one in shown)) == (_NEW, False)
    introspected = await introspect(IntrospectionClient(UUID(int=1)), after, made.secret)
    assert introspected is not None
    assert introspected.permissions[0] == _NEW
    assert await permissions.holders_of_dropped(Operator(), after.catalogue) == (0, ())


async def test_granting_the_new_name_changes_nothing_and_either_name_withdraws(
    world: World, before: Service, after: Service
) -> None:
    person = await world.person()
    who, things = person.principal, _OTHERS[0]
    token = (await tokens.create(who, before, name="t", permissions=[_OLD])).token
    same = await tokens.set_permissions(who, after, token.id, [_NEW, "GET /devices/{x}"])
    assert same.revision == 1
    assert (await tokens.edit_permissions(who, after, token.id, grant=[_OLD])).revision == 1
    with pytest.raises(InvalidInput, match="granted and withdrawn"):
        await tokens.edit_permissions(who, after, token.id, grant=[_OLD], withdraw=[_NEW])
    await tokens.edit_permissions(who, after, token.id, grant=[things], withdraw=[_NEW])
    assert (await tokens.permission_keys(who, [token.id]))[token.id] == [things]
    again = await tokens.set_permissions(who, after, token.id, [_OLD, _NEW])
    assert (await tokens.permission_keys(who, [token.id]))[token.id] == [_NEW]
    assert await grants_kept(again) == models.grants_of([_OLD])
    page = await activity.of_token(who, token.id, PageRequest(10))
    assert [row.kind for row in page.rows].count(ActivityKind.PERMISSIONS_EDITED) == 2


async def test_retired_permission_is_kept_under_any_name(
    world: World, before: Service, service: Service
) -> None:
    person = await world.person()
    who = person.principal
    token = (await tokens.create(who, before, name="t", permissions=[_OLD])).token
    kept = await tokens.set_permissions(who, service, token.id, [_NEW])
    assert kept.revision == 1
    held = (await tokens.permission_keys(who, [token.id]))[token.id]
    (shown,) = shown_permissions(service.catalogue, held)
    assert (shown.key, shown.retired) == (_OLD, True)


async def test_uses_under_both_names_add_up(world: World, before: Service) -> None:
    person = await world.person()
    token = (await tokens.create(person.principal, before, name="t", permissions=[_OLD])).token
    at = models.now()
    for key, day, allowed in ((_OLD, at - timedelta(days=3), 2), (_NEW, at, 5)):
        await models.TokenUse.create(
            tenant_id=token.tenant_id,
            token_id=token.id,
            key=key,
            day=day.date(),
            allowed=allowed,
            denied=1,
            first_used_at=day,
            last_used_at=day,
        )
    (used,) = (await usage.of_tokens(person.principal, [token.id]))[token.id]
    assert (used.key, used.allowed, used.denied) == (_NEW, 7, 2)
    assert (used.first_used_at, used.last_used_at) == (at - timedelta(days=3), at)
