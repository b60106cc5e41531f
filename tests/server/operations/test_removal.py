"""The plan of an admin's removal: what it shows, what is chosen, and when it is stale."""

from datetime import timedelta
from typing import Any

import pytest

import models
from models import ActivityKind, Role
from server.decisions.removal import MAX_CHOICES, Choice, Choices, RemovalAction
from server.errors import InvalidInput, RemovalPlanConflict
from server.global_ids import encode_id
from server.operations import activity, admins, conditions, removal, tokens
from server.paging import PageRequest
from tests.support.factories import Client, Person, World, token_id

_ALL = PageRequest(100)
_GIVE = RemovalAction.TRANSFER
_KEY = "GET /api/v1/devices"
_PLAN = """query ($id: ID!, $after: String) { removalPlan(adminId: $id) {
    admin { name } tokenCount usedTokenCount version
    tokens(first: 1, after: $after) { pageInfo { endCursor hasNextPage } edges { node {
        token { id name lastUsedAt } callers { address userAgent }
        stops { permission { key } allowed } } } } } }"""


async def _team(world: World) -> tuple[Person, Person, Person]:
    """An owner, an admin who leaves, and one who stays."""
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    return owner, await world.person(tenant, Role.ADMIN), await world.person(tenant, Role.ADMIN)


async def _use(token: models.Token, address: str, days_ago: int = 1) -> None:
    at = models.now() - timedelta(days=days_ago)
    common: dict[str, Any] = {"tenant_id": token.tenant_id, "last_used_at": at}
    await models.TokenLastUse.create(
        id=token.id, last_used_from=address, last_used_user_agent="cron/1", **common
    )
    for key, allowed in ((_KEY, 7), ("", 3), ("GET /api/v1/blueprints", 0)):
        await models.TokenUse.create(
            token_id=token.id, key=key, day=at.date(), allowed=allowed, denied=1,
            first_used_at=at, **common,
        )  # fmt: skip


def _pages(client: Client, person: Person, of: Person) -> Any:
    async def page(after: str | None = None) -> Any:
        return (await client.of(person).data(_PLAN, id=of.id, after=after))["removalPlan"]

    return page


async def test_plan_shows_who_is_cut_off(client: Client, world: World) -> None:
    owner, leaving, staying = await _team(world)
    used = (await world.token(leaving, "used")).token
    idle = (await world.token(leaving, "idle")).token
    for other in (
        (await world.token(staying, "another's")).token,
        (await world.token(leaving, "revoked")).token,
        (await world.token(leaving, "organisation's", is_owned_by_organisation=True)).token,
    ):
        await _use(other, "192.0.2.9")
    [revoked] = await models.Token.filter(tenant_id=used.tenant_id, name="revoked")
    await tokens.revoke(owner.principal, revoked.id)
    await _use(used, "192.0.2.1")
    await _use(idle, "192.0.2.2", days_ago=40)
    await models.SecretUse.create(
        tenant_id=used.tenant_id, token_id=used.id, address="192.0.2.3", user_agent="old/1",
        requests=2, last_used_at=models.now() - timedelta(days=2),
    )  # fmt: skip
    page = _pages(client, owner, leaving)
    first = await page()
    assert (first["admin"]["name"], first["tokenCount"], first["usedTokenCount"]) == (
        leaving.admin.name, 2, 1,
    )  # fmt: skip
    [edge] = first["tokens"]["edges"]
    assert edge["node"]["token"]["name"] == "idle"
    assert edge["node"]["callers"] == [{"address": "192.0.2.2", "userAgent": "cron/1"}]
    assert edge["node"]["stops"] == []
    second = await page(first["tokens"]["pageInfo"]["endCursor"])
    [edge] = second["tokens"]["edges"]
    assert edge["node"]["token"]["id"] == token_id(used)
    assert edge["node"]["callers"] == [
        {"address": "192.0.2.1", "userAgent": "cron/1"},
        {"address": "192.0.2.3", "userAgent": "old/1"},
    ]
    assert edge["node"]["stops"] == [{"permission": {"key": _KEY}, "allowed": 7}]
    assert not second["tokens"]["pageInfo"]["hasNextPage"]


async def test_each_token_becomes_what_was_chosen(client: Client, world: World) -> None:
    owner, leaving, staying = await _team(world)
    given, kept, ended = [(await world.token(leaving, name)).token for name in "abc"]
    version = (await _pages(client, owner, leaving)())["version"]
    removed = await client.of(owner).mutate(
        "removeAdmin",
        "... on RemoveAdminPayload { revokedTokenCount transferredTokenCount }",
        adminId=leaving.id,
        plan=[
            {"tokenId": token_id(given), "action": "TRANSFER", "toAdminId": staying.id},
            {"tokenId": token_id(ended), "action": "REVOKE"},
        ],
        others={"action": "TRANSFER"},
        ifVersion=version,
    )
    assert removed == {
        "__typename": "RemoveAdminPayload", "revokedTokenCount": 1, "transferredTokenCount": 2,
    }  # fmt: skip
    rows = {row.id: row for row in await models.Token.filter(tenant_id=given.tenant_id)}
    assert [rows[one.id].owner_id for one in (given, kept)] == [staying.admin.id, None]
    assert [rows[one.id].is_live for one in (given, kept, ended)] == [True, True, False]
    assert [rows[one.id].revision for one in (given, kept, ended)] == [2, 2, 2]
    trail = (await activity.of_tenant(owner.principal, _ALL)).rows
    told = {row.subject_id: (row.kind, row.details) for row in reversed(trail)}
    leaver = str(leaving.admin.id)
    assert told[given.id] == (
        ActivityKind.TRANSFERRED, {"previousOwner": leaver, "owner": str(staying.admin.id)},
    )  # fmt: skip
    assert told[kept.id] == (ActivityKind.TRANSFERRED, {"previousOwner": leaver, "owner": None})
    assert told[ended.id] == (ActivityKind.REVOKED, {"reason": "CREATOR_REMOVED"})
    assert told[leaving.admin.id][1] == {
        "role": "ADMIN", "revokedTokenCount": 1, "transferredTokenCount": 2,
    }  # fmt: skip


async def test_stale_plan_is_refused_with_the_plan_of_now(client: Client, world: World) -> None:
    owner, leaving, staying = await _team(world)
    seen = (await world.token(leaving, "seen")).token
    others = (await world.token(staying, "another's")).token
    page = _pages(client, owner, leaving)

    version = (await page())["version"]
    await tokens.rename(owner.principal, seen.id, "still the same token")
    assert (await page())["version"] == version
    for change in (
        lambda: world.token(leaving, "new"),
        lambda: conditions.transfer(owner.principal, others.id, leaving.admin.id),
        lambda: conditions.transfer(owner.principal, others.id, None),
        lambda: tokens.revoke(owner.principal, seen.id),
    ):
        version = (await page())["version"]
        await change()
        refused = await client.of(owner).mutate(
            "removeAdmin",
            "... on RemovalPlanConflict { plan { version tokenCount } }",
            adminId=leaving.id,
            others={"action": "TRANSFER"},
            ifVersion=version,
        )
        assert refused["code"] == "REMOVAL_PLAN_CONFLICT"
        now = await page()
        assert refused["plan"] == {name: now[name] for name in ("version", "tokenCount")}
        assert now["version"] != version
    assert (await models.Admin.get(id=leaving.admin.id)).removed_at is None
    done = await admins.remove(owner.principal, leaving.admin.id, Choices(), now["version"])
    assert (done.revoked, done.transferred) == (1, 0)


async def test_impossible_choices_change_nothing(world: World) -> None:
    owner, leaving, staying = await _team(world)
    elsewhere = await world.person()
    own = (await world.token(leaving)).token.id
    foreign = (await world.token(staying)).token.id
    too_many = {models.new_id(): Choice() for _ in range(MAX_CHOICES + 1)}
    for field, choices in (
        ("plan", Choices({foreign: Choice()})),
        ("plan", Choices({models.new_id(): Choice()})),
        ("plan", Choices(too_many)),
        ("plan", Choices({own: Choice(RemovalAction.REVOKE, staying.admin.id)})),
        ("plan", Choices({own: Choice(_GIVE, leaving.admin.id)})),
        ("others", Choices({}, Choice(_GIVE, leaving.admin.id))),
        ("plan", Choices({own: Choice(_GIVE, elsewhere.admin.id)})),
        ("plan", Choices({}, Choice(_GIVE, models.new_id()))),
    ):
        with pytest.raises(InvalidInput) as refused:
            await admins.remove(owner.principal, leaving.admin.id, choices)
        assert refused.value.field == field
    with pytest.raises(RemovalPlanConflict):
        await admins.remove(owner.principal, leaving.admin.id, if_version="")
    assert not await models.Token.filter(revoked_at__isnull=False).exists()
    assert (await models.Token.get(id=own)).owner_id == leaving.admin.id
    assert await removal.plan(elsewhere.principal, leaving.admin.id) is None


async def test_token_is_named_once(client: Client, world: World) -> None:
    owner, leaving, _ = await _team(world)
    named = {
        "tokenId": encode_id("Token", (await world.token(leaving)).token.id),
        "action": "REVOKE",
    }
    refused = await client.of(owner).mutate(
        "removeAdmin",
        "... on InvalidInput { field }",
        adminId=leaving.id,
        plan=[named, named | {"action": "TRANSFER"}],
    )
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "plan")
