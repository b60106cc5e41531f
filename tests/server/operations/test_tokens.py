"""Operations on tokens: their effects, and refusals that change nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import models
from models import ActivityKind, Role
from server.catalogue import read_catalogue
from server.errors import InvalidInput, NotFound, Refusal, RevisionConflict, SecretAlreadyShown
from server.operations import activity, tokens
from server.paging import PageRequest
from server.service import Service
from server.token_format import is_token_secret
from tests.support.factories import Person, World, digest_of, grants_kept

_LIST, _READ = "GET /api/v1/devices", "GET /api/v1/devices/{device_id}"
_TAGS = "GET /api/v1/tags"
_ALL = PageRequest(100)


async def _kinds(person: Person, token: models.Token) -> list[ActivityKind]:
    page = await activity.of_token(person.principal, token.id, _ALL)
    return [row.kind for row in page.rows][::-1]


async def _held(person: Person, token: models.Token) -> set[str]:
    return set((await tokens.permission_keys(person.principal, [token.id]))[token.id])


async def test_token_is_created_with_permissions_and_activity(world: World) -> None:
    owner = await world.person()
    created = await world.token(owner, " CI ", [_LIST, _READ, _LIST], description="builds")
    token = created.token
    assert is_token_secret(("tsr",), created.secret)
    assert (token.name, token.description, token.revision) == ("CI", "builds", 1)
    assert created.secret.startswith(token.hint.removesuffix("…"))
    assert await _held(owner, token) == {_LIST, _READ}
    assert await _kinds(owner, token) == [ActivityKind.CREATED]


async def test_secret_is_stored_as_a_keyed_digest_only(world: World) -> None:
    created = await world.token(await world.person(), "CI")
    row = await models.Token.get(id=created.token.id, tenant_id=created.token.tenant_id)
    kept = await digest_of(created.token)
    assert kept == world.service.digest_key.digest("token", created.secret)
    assert created.secret not in repr(created)
    assert created.secret not in str(await models.Token.filter(tenant_id=row.tenant_id).values())


async def test_api_url_is_shown_from_the_first_token_on(world: World) -> None:
    owner = await world.person()

    async def url() -> str | None:
        return world.service.api_url(await models.Tenant.get(id=owner.admin.tenant_id))

    assert await url() is None
    first = await world.token(owner)
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    assert await url() == f"https://{tenant.slug}.api.us.example.com"
    await tokens.revoke(owner.principal, first.token.id)
    await world.token(owner)
    assert (await models.Tenant.get(id=tenant.id)).first_token_at == tenant.first_token_at


_Change = Callable[[Person, Service, models.Token], Awaitable[Any]]
_UNKNOWN = ["GET /nope", "DELETE /gone"]
_REFUSED: dict[str, tuple[_Change, type[Refusal], str]] = {
    "a name of nothing": (
        lambda p, s, t: tokens.rename(p.principal, t.id, "  "),
        InvalidInput,
        "name",
    ),
    "a long name": (
        lambda p, s, t: tokens.rename(p.principal, t.id, "x" * 101),
        InvalidInput,
        "name",
    ),
    "a deceiving description": (
        lambda p, s, t: tokens.describe(p.principal, t.id, "a\u202eb"),
        InvalidInput,
        "description",
    ),
    "unknown permissions": (
        lambda p, s, t: tokens.set_permissions(p.principal, s, t.id, [_READ, *_UNKNOWN]),
        InvalidInput,
        "permissions",
    ),
    "unknown permissions to grant": (
        lambda p, s, t: tokens.edit_permissions(p.principal, s, t.id, grant=[_READ, *_UNKNOWN]),
        InvalidInput,
        "grant",
    ),
    "a permission to grant and to withdraw": (
        lambda p, s, t: tokens.edit_permissions(
            p.principal, s, t.id, grant=[_READ, _LIST], withdraw=[_LIST]
        ),
        InvalidInput,
        "withdraw",
    ),
    "an edit of an older revision": (
        lambda p, s, t: tokens.edit_permissions(
            p.principal, s, t.id, grant=[_READ], if_revision=t.revision - 1
        ),
        RevisionConflict,
        "",
    ),
    "an edit of a token that is not there": (
        lambda p, s, t: tokens.edit_permissions(p.principal, s, models.new_id(), grant=[_READ]),
        NotFound,
        "",
    ),
    "unknown permissions for a new token": (
        lambda p, s, t: tokens.create(p.principal, s, name="x", permissions=_UNKNOWN),
        InvalidInput,
        "permissions",
    ),
    "a bad idempotency key": (
        lambda p, s, t: tokens.create(p.principal, s, name="x", idempotency_key="é"),
        InvalidInput,
        "idempotencyKey",
    ),
    "an empty idempotency key": (
        lambda p, s, t: tokens.create(p.principal, s, name="x", idempotency_key=""),
        InvalidInput,
        "idempotencyKey",
    ),
    "a token that is not there": (
        lambda p, s, t: tokens.rename(p.principal, models.new_id(), "x"),
        NotFound,
        "",
    ),
    "an older revision": (
        lambda p, s, t: tokens.rename(p.principal, t.id, "x", if_revision=t.revision - 1),
        RevisionConflict,
        "",
    ),
    "a revision to come": (
        lambda p, s, t: tokens.set_permissions(p.principal, s, t.id, [], if_revision=99),
        RevisionConflict,
        "",
    ),
}


@pytest.mark.parametrize("what", _REFUSED)
async def test_refusal_changes_nothing(what: str, world: World) -> None:
    change, refusal, field = _REFUSED[what]
    owner = await world.person()
    token = (await world.token(owner, "CI", [_LIST])).token
    before = await _everything(owner)
    with pytest.raises(refusal) as refused:
        await change(owner, world.service, token)
    assert getattr(refused.value, "field", "") == field
    assert await _everything(owner) == before


async def _everything(person: Person) -> list[Any]:
    rows = (models.Token, models.TokenPermission, models.Activity)
    tenant_id = person.admin.tenant_id
    return [await row.filter(tenant_id=tenant_id).order_by("id").values() for row in rows]


async def test_every_unknown_permission_is_reported(world: World) -> None:
    owner = await world.person()
    with pytest.raises(InvalidInput) as refused:
        await world.token(owner, permissions=[_LIST, *_UNKNOWN])
    assert all(key in refused.value.message for key in _UNKNOWN)
    assert _LIST not in refused.value.message


async def test_malformed_key_is_reported_by_index(world: World) -> None:
    owner = await world.person()
    token = (await world.token(owner)).token
    secret = "hunter2hunter2"
    for change in (
        tokens.edit_permissions(owner.principal, world.service, token.id, grant=[_LIST, secret]),
        tokens.edit_permissions(
            owner.principal, world.service, token.id, grant=[secret], withdraw=[_LIST, secret]
        ),
    ):
        with pytest.raises(InvalidInput) as refused:
            await change
        assert "entry 2, which is no key" in refused.value.message
        assert secret not in refused.value.message


async def test_edit_changes_the_named_permissions_only(world: World) -> None:
    owner = await world.person()
    token = (await world.token(owner, "CI", [_LIST, _READ])).token

    async def edit(grant: list[str], withdraw: list[str]) -> models.Token:
        return await tokens.edit_permissions(
            owner.principal, world.service, token.id, grant=grant, withdraw=withdraw
        )

    edited = await edit([_TAGS, _READ], [_LIST, *_UNKNOWN])
    assert edited.revision == 2
    assert await _held(owner, token) == {_READ, _TAGS}
    assert await grants_kept(token) == models.grants_of(sorted({_READ, _TAGS}))
    assert (await edit([_READ], [_LIST])).revision == 2
    assert (await edit([], [])).revision == 2
    assert (await edit([], [_READ, _TAGS])).revision == 3
    assert await _held(owner, token) == set()
    page = await activity.of_token(owner.principal, token.id, _ALL)
    assert [(row.kind, row.details) for row in page.rows][::-1][1:] == [
        (ActivityKind.PERMISSIONS_EDITED, {"granted": [_TAGS], "withdrawn": [_LIST]}),
        (ActivityKind.PERMISSIONS_EDITED, {"granted": [], "withdrawn": [_READ, _TAGS]}),
    ]


async def test_every_permission_of_a_large_catalogue_fits_one_edit(
    world: World, tmp_path: Path
) -> None:
    owner = await world.person()
    token = (await world.token(owner, "CI", [_LIST])).token
    paths = "".join(f"  /v1/{n}: {{get: {{}}}}\n" for n in range(1_222))
    large = tmp_path / "api.yaml"
    large.write_text(f"openapi: 3.1.0\npaths:\n{paths}")
    service = replace(world.service, catalogue=read_catalogue(large))
    keys = [permission.key for permission in service.catalogue.permissions]
    await tokens.edit_permissions(owner.principal, service, token.id, grant=keys)
    assert await _held(owner, token) == {_LIST, *keys}
    await tokens.edit_permissions(owner.principal, service, token.id, withdraw=keys)
    assert await _held(owner, token) == {_LIST}


async def test_every_change_increases_revision_and_is_in_the_activity(world: World) -> None:
    owner = await world.person()
    token = (await world.token(owner, "CI", [_LIST])).token
    await tokens.rename(owner.principal, token.id, "CD", if_revision=1)
    await tokens.describe(owner.principal, token.id, "deploys", if_revision=2)
    await tokens.set_permissions(owner.principal, world.service, token.id, [_READ], 3)
    revoked = await tokens.revoke(owner.principal, token.id)
    assert (revoked.name, revoked.description, revoked.revision) == ("CD", "deploys", 5)
    assert revoked.revoked_at
    page = await activity.of_token(owner.principal, token.id, _ALL)
    assert [(row.kind, row.details) for row in page.rows][::-1] == [
        (ActivityKind.CREATED, {}),
        (ActivityKind.NAME_CHANGED, {"previousName": "CI", "name": "CD"}),
        (
            ActivityKind.DESCRIPTION_CHANGED,
            {"previousDescription": "", "description": "deploys"},
        ),
        (ActivityKind.PERMISSIONS_EDITED, {"granted": [_READ], "withdrawn": [_LIST]}),
        (ActivityKind.REVOKED, {"reason": "REVOKED"}),
    ]
    assert {row.actor_id for row in page.rows} == {owner.admin.id}


async def test_change_without_effect_is_not_in_the_activity(world: World) -> None:
    owner = await world.person()
    token = (await world.token(owner, "CI", [_LIST, _READ], description="builds")).token
    await tokens.rename(owner.principal, token.id, " CI ")
    await tokens.describe(owner.principal, token.id, "builds")
    same = await tokens.set_permissions(
        owner.principal, world.service, token.id, [_READ, _LIST, _READ]
    )
    assert same.revision == 1
    assert await _kinds(owner, token) == [ActivityKind.CREATED]


async def test_revoked_token_cannot_be_changed_or_revoked_again(world: World) -> None:
    owner = await world.person()
    token = (await world.token(owner)).token
    await tokens.revoke(owner.principal, token.id)
    changes: list[Awaitable[Any]] = [
        tokens.revoke(owner.principal, token.id),
        tokens.rename(owner.principal, token.id, "x"),
        tokens.describe(owner.principal, token.id, "x"),
        tokens.set_permissions(owner.principal, world.service, token.id, [_LIST]),
        tokens.edit_permissions(owner.principal, world.service, token.id, grant=[_LIST]),
    ]
    for change in changes:
        with pytest.raises(NotFound):
            await change
    assert await _kinds(owner, token) == [ActivityKind.CREATED, ActivityKind.REVOKED]


async def test_conflict_returns_the_current_token(world: World) -> None:
    owner = await world.person()
    token = (await world.token(owner, "CI")).token
    await tokens.rename(owner.principal, token.id, "theirs")
    with pytest.raises(RevisionConflict) as refused:
        await tokens.rename(owner.principal, token.id, "mine", if_revision=1)
    assert (refused.value.token.name, refused.value.token.revision) == ("theirs", 2)


async def test_retry_with_the_same_idempotency_key_creates_no_second_token(world: World) -> None:
    owner = await world.person()
    made = (await world.token(owner, "CI", idempotency_key="k")).token
    with pytest.raises(SecretAlreadyShown) as again:
        await world.token(owner, "CI", idempotency_key="k")
    assert again.value.token.id == made.id
    await tokens.revoke(owner.principal, made.id)
    with pytest.raises(SecretAlreadyShown):
        await world.token(owner, "something else", idempotency_key="k")
    assert len((await tokens.search(owner.principal, _ALL)).rows) == 0


async def test_idempotency_key_belongs_to_its_admin(world: World) -> None:
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    colleague = await world.person(tenant, Role.ADMIN)
    first = await world.token(owner, idempotency_key="k")
    second = await world.token(colleague, idempotency_key="k")
    assert first.token.id != second.token.id


async def test_retired_permission_is_kept_and_cannot_be_granted(
    world: World, tmp_path: Path
) -> None:
    owner = await world.person()
    token = (await world.token(owner, "CI", [_LIST, _READ])).token
    smaller = tmp_path / "api.yaml"
    smaller.write_text("openapi: 3.1.0\npaths: {/api/v1/devices: {get: {}}}\n")
    service = replace(world.service, catalogue=read_catalogue(smaller))
    kept = await tokens.set_permissions(owner.principal, service, token.id, [_READ])
    assert await _held(owner, kept) == {_READ}
    kept = await tokens.edit_permissions(owner.principal, service, token.id, grant=[_LIST, _READ])
    assert await _held(owner, kept) == {_LIST, _READ}
    dropped = await tokens.edit_permissions(owner.principal, service, token.id, withdraw=[_READ])
    assert await _held(owner, dropped) == {_LIST}
    with pytest.raises(InvalidInput):
        await tokens.edit_permissions(owner.principal, service, token.id, grant=[_READ])
    with pytest.raises(InvalidInput):
        await tokens.set_permissions(owner.principal, service, token.id, [_READ])
    with pytest.raises(InvalidInput):
        await tokens.create(owner.principal, service, name="x", permissions=[_READ])


async def _found(person: Person, text: str) -> list[str]:
    return [row.name for row in (await tokens.search(person.principal, _ALL, text)).rows]


async def test_search_matches_name_and_description_in_any_case(world: World) -> None:
    owner = await world.person()
    await world.token(owner, "Été", description="100% of it")
    await world.token(owner, "under_score", description="STRASSE")
    await world.token(owner, "plain", description="nothing")
    await world.token(await world.person(), "été of somebody else")
    assert await _found(owner, "éTÉ") == ["Été"]
    assert await _found(owner, "e\N{COMBINING ACUTE ACCENT}te\N{COMBINING ACUTE ACCENT}") == ["Été"]
    assert await _found(owner, "straße") == ["under_score"]
    assert await _found(owner, "%") == ["Été"]
    assert await _found(owner, "er_sc") == ["under_score"]
    assert await _found(owner, "  PLAIN ") == ["plain"]
    for text in ("\\", "\0", "x\0", "'", "of somebody", "plain\nnothing at all"):
        assert await _found(owner, text) == [], text
    for text in ("", "  "):
        assert len(await _found(owner, text)) == 3


async def test_search_reflects_changes_at_once(world: World) -> None:
    owner = await world.person()
    token = (await world.token(owner, "before", description="one")).token
    await tokens.rename(owner.principal, token.id, "after")
    await tokens.describe(owner.principal, token.id, "two")
    assert await _found(owner, "before") == []
    assert await _found(owner, "one") == []
    assert await _found(owner, "after") == await _found(owner, "two") == ["after"]


async def test_pages_continue_at_the_cursor(world: World) -> None:
    owner = await world.person()
    made = [(await world.token(owner, f"token {n}")).token.id for n in range(7)]
    await tokens.revoke(owner.principal, made[3])
    live = [token_id for token_id in made if token_id != made[3]][::-1]
    forwards: list[UUID] = []
    position = None
    while True:
        page = await tokens.search(owner.principal, PageRequest(2, position))
        forwards += [row.id for row in page.rows]
        assert page.has_previous == (position is not None)
        if not page.has_next:
            break
        position = page.rows[-1].id
    assert forwards == live
    backwards: list[UUID] = []
    position = None
    while True:
        page = await tokens.search(owner.principal, PageRequest(4, position, backwards=True))
        backwards = [row.id for row in page.rows] + backwards
        assert page.has_next == (position is not None)
        if not page.has_previous:
            break
        position = page.rows[0].id
    assert backwards == live


async def test_page_continues_after_the_cursor_of_a_revoked_token(world: World) -> None:
    owner = await world.person()
    made = [(await world.token(owner, f"token {n}")).token.id for n in range(3)]
    await tokens.revoke(owner.principal, made[1])
    page = await tokens.search(owner.principal, PageRequest(10, made[1]))
    assert [row.id for row in page.rows] == [made[0]]
