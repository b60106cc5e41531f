"""Versions of the API's document: what is adopted, what is refused, who is told, and who grows."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

import pytest

import models
from models import ActivityKind
from server.access.principal import Operator
from server.catalogue import Catalogue
from server.catalogue.reader import catalogue_of
from server.catalogue.versions import NO_CHANGES, compare, fingerprint_of, operations_of
from server.database import transaction
from server.errors import InvalidInput, Misconfigured, NotFound
from server.jobs import catalogue_changes
from server.operations import catalogue_versions, tokens
from server.operations.catalogue_versions import ROLLING_START
from server.paging import PageRequest
from server.service import Service
from tests.support.factories import Client, Person, World

LIST, READ, WRITE = "GET /devices", "GET /devices/{id}", "POST /devices"
TAGS = "GET /tags"
_END = object()


def document(*keys: str, base: str = "", ids: Mapping[str, str] | None = None) -> Catalogue:
    """A catalogue of operations, each in the category of its path's first segment."""
    paths: dict[str, dict[str, object]] = {}
    for key in keys:
        method, path = key.split()
        operation: dict[str, object] = {"tags": [path.split("/")[1].title()]}
        if ids and key in ids:
            operation["operationId"] = ids[key]
        paths.setdefault(path, {})[method.lower()] = operation
    servers = [{"url": f"https://api.example.com{base}"}]
    info = {"title": "T", "version": "1"}
    return catalogue_of({"openapi": "3.1.0", "info": info, "servers": servers, "paths": paths})


async def adopt(catalogue: Catalogue, *, accepts_removals: bool = False) -> None:
    await catalogue_versions.adopt(Operator(), catalogue, accepts_removals=accepts_removals)


async def run(portions: Callable[[], AsyncGenerator[None, None]]) -> None:
    """Run a job as its instance does."""
    async with aclosing(portions()) as left:
        while True:
            async with transaction():
                if await anext(left, _END) is _END:
                    return


async def run_jobs() -> None:
    await run(catalogue_changes.announce)
    await run(catalogue_changes.grow)


async def held(person: Person, token_id: object) -> list[str]:
    row = await models.Token.get(id=token_id)
    return sorted((await tokens.permission_keys(person.principal, [row.id]))[row.id])


async def kinds(person: Person, kind: ActivityKind) -> list[models.Activity]:
    rows = models.Activity.filter(tenant_id=person.admin.tenant_id, kind=kind)
    return list(await rows.order_by("id"))


def test_differences_are_found_by_shape_and_by_operation_id() -> None:
    ids = {WRITE: "create", "POST /machines": "create", TAGS: "tags"}
    before = operations_of(document(LIST, READ, WRITE, TAGS, ids=ids), 1, {})
    after = operations_of(
        document(LIST, "GET /devices/{device}", "POST /machines", "GET /users", ids=ids), 2, before
    )
    changes = compare(before, after)
    assert [one.key for one in changes.added] == ["GET /users"]
    assert [one.key for one in changes.removed] == [TAGS]
    renamed = {(p.before.key, p.after.key): p.is_same_permission for p in changes.renamed}
    assert renamed == {(WRITE, "POST /machines"): False, (READ, "GET /devices/{device}"): True}
    assert [one.key for one in changes.taken] == [TAGS, WRITE]
    moved = compare(before, operations_of(document(LIST, READ, WRITE, TAGS, base="/v2"), 2, before))
    assert len(moved.moved) == len(moved.taken) == 4
    wider = {k: one._replace(bases=("", "/v2")) for k, one in before.items()}
    assert compare(before, wider) == NO_CHANGES, "another base path beside takes nothing"
    assert {one.since for one in after.values() if one.key in (LIST, "GET /users")} == {1, 2}


def test_fingerprint_tells_operations_and_no_order() -> None:
    assert fingerprint_of(document(LIST, TAGS)) == fingerprint_of(document(TAGS, LIST))
    others = [document(LIST), document(LIST, TAGS, base="/v2"), document(LIST, "GET /tags/{id}")]
    assert len({fingerprint_of(one) for one in [document(LIST, TAGS), *others]}) == 4


async def test_each_document_is_a_version_once_and_tenants_are_told(
    service: Service, world: World
) -> None:
    person, other = await world.person(), await world.person()
    first, second = document(LIST, READ, TAGS), document(LIST, "GET /devices/{n}", WRITE)
    service = replace(service, catalogue=first)
    make = World(service).token
    meets = (await make(person, "meets", [TAGS, LIST])).token
    await make(person, "keeps", [LIST, READ])
    gone = (await make(person, "gone", [TAGS])).token
    await tokens.revoke(person.principal, gone.id)
    await adopt(first)
    await run_jobs()
    assert await kinds(person, ActivityKind.CATALOGUE_CHANGED) == [], "nothing to compare with"
    await adopt(second, accepts_removals=True)
    later = await world.person()
    await run_jobs()
    await adopt(second)
    await run_jobs()

    page = await catalogue_versions.page(person.principal, PageRequest())
    assert [row.number for row in page.rows] == [2, 1]
    [version] = await catalogue_versions.undismissed(person.principal)
    assert version.id == page.rows[0].id
    told = await catalogue_versions.notices(person.principal, [version.id])
    assert told[version.id].affected_tokens == 1
    found = await catalogue_versions.affected_tokens(person.principal, version)
    assert found == [meets.id]
    assert await catalogue_versions.affected_tokens(other.principal, version) == []
    [entry] = await kinds(person, ActivityKind.CATALOGUE_CHANGED)
    assert entry.actor_kind is models.ActorKind.SYSTEM
    assert entry.details["added"] == [WRITE]
    assert entry.details["removed"] == [TAGS]
    assert entry.details["renamed"] == [{"from": READ, "to": "GET /devices/{n}"}]
    assert entry.details["affectedTokens"] == 1
    assert await catalogue_versions.undismissed(later.principal) == [], "made after the version"

    await catalogue_versions.dismiss(person.principal, version.id)
    await catalogue_versions.dismiss(person.principal, version.id)
    assert await catalogue_versions.undismissed(person.principal) == []
    assert len(await kinds(person, ActivityKind.CATALOGUE_NOTICE_DISMISSED)) == 1
    assert len(await catalogue_versions.undismissed(other.principal)) == 1, "each tenant's own"
    with pytest.raises(NotFound):
        await catalogue_versions.dismiss(later.principal, version.id)


async def test_removal_from_live_tokens_needs_acceptance(service: Service, world: World) -> None:
    person = await world.person()
    full, less = document(LIST, TAGS), document(LIST)
    await adopt(full)
    own = World(replace(service, catalogue=full))
    token = (await own.token(person, permissions=[LIST, TAGS])).token
    for takes in (less, document(LIST, TAGS, base="/v2")):
        with pytest.raises(Misconfigured, match=r"1 live tokens of 1 tenants: .*accept-removals"):
            await adopt(takes)
    assert await models.CatalogueVersion.all().count() == 1
    await tokens.revoke(person.principal, token.id)
    await adopt(less)
    assert await models.CatalogueVersion.all().count() == 2


async def test_instances_with_the_document_before_may_start_for_an_hour(
    service: Service, world: World
) -> None:
    person = await world.person()
    old, new = document(LIST), document(LIST, TAGS)
    await adopt(old)
    await adopt(new)
    await World(replace(service, catalogue=new)).token(person, permissions=[TAGS])
    await adopt(old)
    assert await models.CatalogueVersion.all().count() == 2
    newest = models.CatalogueVersion.filter(number=2)
    await newest.update(created_at=models.now() - ROLLING_START - timedelta(seconds=1))
    with pytest.raises(Misconfigured, match="GET /tags"):
        await adopt(old)
    await adopt(old, accepts_removals=True)
    assert await models.CatalogueVersion.all().count() == 2


async def test_followed_category_grows_and_nothing_else_does(
    service: Service, world: World
) -> None:
    person = await world.person()
    old = document(LIST, READ, TAGS)
    new = document(LIST, READ, TAGS, WRITE, "PUT /tags/{id}")
    await adopt(old)
    service = replace(service, catalogue=old)
    make = World(service).token
    follows = (await make(person, "follows", [TAGS], follow_categories=["Devices"])).token
    plain = (await make(person, "plain", [LIST, READ])).token
    assert await held(person, follows.id) == [LIST, READ, TAGS]
    await adopt(new)
    await run_jobs()
    await run_jobs()
    assert await held(person, follows.id) == sorted([LIST, READ, TAGS, WRITE])
    assert await held(person, plain.id) == [LIST, READ]
    [grown] = await kinds(person, ActivityKind.PERMISSIONS_GREW)
    assert (grown.subject_id, grown.details) == (
        follows.id,
        {"granted": [WRITE], "categories": ["Devices"]},
    )
    assert grown.actor_kind is models.ActorKind.SYSTEM
    secret = await models.TokenSecret.get(token_id=follows.id)
    assert models.permission_fingerprint(WRITE) in (secret.grants or b"")

    # By an instance that still serves the old document, after all others have grown.
    late = (await make(person, "late", follow_categories=["Tags"])).token
    await run_jobs()
    assert await held(person, late.id) == sorted([TAGS, "PUT /tags/{id}"])
    # A permission that an admin withdrew stays withdrawn, though the category is followed.
    at_new = replace(service, catalogue=new)
    await tokens.edit_permissions(person.principal, at_new, follows.id, withdraw=[WRITE])
    await adopt(document(LIST, READ, TAGS, WRITE, "PUT /tags/{id}", "DELETE /devices/{id}"))
    await run_jobs()
    assert await held(person, follows.id) == sorted([LIST, READ, TAGS, "DELETE /devices/{id}"])


async def test_following_is_set_edited_and_told(service: Service, world: World) -> None:
    person = await world.person()
    service = replace(service, catalogue=document(LIST, READ, TAGS))
    token = (await World(service).token(person)).token
    who = person.principal
    with pytest.raises(InvalidInput, match="entry 1"):
        await tokens.edit_permissions(who, service, token.id, follow=["Nothing"])
    edited = await tokens.edit_permissions(
        who, service, token.id, follow=["Devices"], withdraw=[READ]
    )
    assert await held(person, token.id) == [LIST], "withdrawn at once"
    same = await tokens.set_permissions(who, service, token.id, [LIST])
    assert same.revision == edited.revision, "null leaves what it follows"
    await tokens.set_permissions(who, service, token.id, [LIST], follow_categories=[])
    [first, second] = await kinds(person, ActivityKind.PERMISSIONS_EDITED)
    assert (first.details["followed"], first.details["unfollowed"]) == (["Devices"], [])
    assert (second.details["followed"], second.details["unfollowed"]) == ([], ["Devices"])
    assert await models.FollowedCategory.all().count() == 0


async def test_instances_that_start_at_once_adopt_each_document_once(service: Service) -> None:
    await adopt(document(LIST))
    documents = [document(LIST, READ), document(LIST, TAGS)]
    await asyncio.gather(*(adopt(documents[number % 2]) for number in range(12)))
    rows = await models.CatalogueVersion.all().order_by("number")
    assert [row.number for row in rows] == [1, 2, 3]
    assert {bytes(row.fingerprint) for row in rows[1:]} == set(map(fingerprint_of, documents))
    assert [row.operations is not None for row in rows] == [False, False, True]


async def test_a_version_and_its_notice_over_graphql(
    service: Service, world: World, client: Client
) -> None:
    person = await world.person()
    await adopt(document(LIST, TAGS, "GET /old/{id}", ids={"GET /old/{id}": "one"}))
    now = service.catalogue
    device = "GET /api/v1/devices/{device_id}"
    assert now.find(device)
    await adopt(now, accepts_removals=True)
    await run_jobs()
    query = """{ catalogueNotices { id number isServed addedCount added { key retired }
        removed { key name retired category { name } } tokensAffected isDismissed
        affectedTokens { name } } catalogueVersions(first: 1) { edges { node { id } } } }"""
    found = await client.of(person).data(query)
    [notice] = found["catalogueNotices"]
    assert found["catalogueVersions"]["edges"][0]["node"]["id"] == notice["id"]
    assert (notice["number"], notice["isServed"], notice["tokensAffected"]) == (2, True, 0)
    assert notice["addedCount"] == len(now.permissions)
    assert {"key": device, "retired": False} in notice["added"]
    gone = {"key": TAGS, "name": TAGS, "retired": True, "category": {"name": "Tags"}}
    assert gone in notice["removed"]
    mutation = """mutation ($input: DismissCatalogueNoticeInput!) {
        dismissCatalogueNotice(input: $input) { ... on DismissCatalogueNoticePayload {
            version { isDismissed } } ... on NotFound { code } } }"""
    told = await client.of(person).data(mutation, input={"versionId": notice["id"]})
    assert told["dismissCatalogueNotice"] == {"version": {"isDismissed": True}}
    assert (await client.of(person).data(query))["catalogueNotices"] == []
