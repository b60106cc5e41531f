"""The token policy as a front-end sees it: its values, its preview, and a change with its version.

The logic is in `tests.server.operations.test_policies`.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

import models
from models import Role
from tests.support.factories import Client, Person, World

_POLICY = """{ defaultLifetimeDays maximumLifetimeDays pauseUnusedAfterDays networks effectiveFrom
    pausesFrom isApplied revision setAt setBy { name } }"""
_PREVIEW = """query ($policy: TokenPolicyInput!, $from: DateTime, $first: Int, $after: String) {
    tokenPolicyPreview(policy: $policy, effectiveFrom: $from) {
        ... on InvalidInput { message field }
        ... on TokenPolicyPreview {
            effectiveFrom endedTokenCount shortenedTokenCount pausedTokenCount version
            tokens(first: $first, after: $after) {
                edges { node { newExpiresAt token {
                    id name expiresAt lastUsedAt lastUsedFrom createdBy { name }
                } } }
                pageInfo { hasNextPage hasPreviousPage endCursor }
            }
        } } }"""


@pytest.fixture
async def person(world: World) -> Person:
    return await world.person()


async def _policy(client: Client) -> Any:
    return (await client.data(f"{{ tenant {{ tokenPolicy {_POLICY} }} }}"))["tenant"]["tokenPolicy"]


async def test_policy_is_shown_with_its_beginning_and_author(
    client: Client, world: World, person: Person
) -> None:
    admin = client.of(person)
    none: dict[str, Any] = {
        "defaultLifetimeDays": None, "maximumLifetimeDays": None, "pauseUnusedAfterDays": None,
        "networks": [], "effectiveFrom": None, "pausesFrom": None, "isApplied": True,
        "revision": 0, "setAt": None, "setBy": None,
    }  # fmt: skip
    assert await _policy(admin) == none
    given = {
        "defaultLifetimeDays": 30, "maximumLifetimeDays": 90, "pauseUnusedAfterDays": 60,
        "networks": ["192.0.2.0/24"],
    }  # fmt: skip
    fields = f"... on SetTokenPolicyPayload {{ tokenPolicy {_POLICY} }}"
    told = (await admin.mutate("setTokenPolicy", fields, policy=given))["tokenPolicy"]
    assert told | given | {"isApplied": True, "revision": 1} == told
    assert told["setBy"] == {"name": person.admin.name}
    ahead = datetime.fromisoformat(told["effectiveFrom"]) - datetime.fromisoformat(told["setAt"])
    assert abs(ahead - timedelta(days=14)) < timedelta(minutes=1)
    assert told["pausesFrom"] == told["effectiveFrom"]
    auditor = await world.person(
        await models.Tenant.get(id=person.admin.tenant_id), role=Role.AUDITOR
    )
    assert await _policy(client.of(auditor)) == told
    again = (await admin.mutate("setTokenPolicy", fields, policy=given))["tokenPolicy"]
    assert again == told
    # The pause of unused tokens has begun to be announced, and is not put off by another change.
    other = given | {"networks": []}
    changed = (await admin.mutate("setTokenPolicy", fields, policy=other))["tokenPolicy"]
    assert (changed["revision"], changed["pausesFrom"]) == (2, told["pausesFrom"])
    cleared = (await admin.mutate("setTokenPolicy", fields, policy={}))["tokenPolicy"]
    assert cleared["pausesFrom"] is None
    assert [cleared[name] for name in given] == [none[name] for name in given]


async def test_token_without_an_expiry_gets_the_default_and_null_is_never(
    client: Client, person: Person
) -> None:
    admin, fields = client.of(person), "... on CreateTokenPayload { token { expiresAt } }"
    fields += " ... on InvalidInput { field }"
    await admin.mutate("setTokenPolicy", policy={"defaultLifetimeDays": 30})
    assert (await admin.mutate("createToken", fields, name="x"))["token"]["expiresAt"]
    never = await admin.mutate("createToken", fields, name="x", expiresAt=None)
    assert never["token"]["expiresAt"] is None
    await admin.mutate("setTokenPolicy", policy={"maximumLifetimeDays": 30})
    refused = await admin.mutate("createToken", fields, name="x", expiresAt=None)
    assert (refused["__typename"], refused["field"]) == ("InvalidInput", "expiresAt")


async def test_preview_pages_through_the_tokens_and_is_carried_out_by_its_version(
    client: Client, world: World, person: Person
) -> None:
    admin = client.of(person)
    for number in range(3):
        await world.token(person, f"endless {number}")
        at = (models.now() + timedelta(days=100 + number)).isoformat()
        await admin.mutate("createToken", name=f"late {number}", expiresAt=at)
    used = await models.Token.get(name="endless 1")
    await models.TokenLastUse.create(
        id=used.id, tenant_id=used.tenant_id, last_used_at=models.now(),
        last_used_from="203.0.113.7", last_used_user_agent="curl",
    )  # fmt: skip
    policy = {"maximumLifetimeDays": 30}
    start = (models.now() + timedelta(days=1)).isoformat()
    found, told = await _three_pages(admin, {"policy": policy, "from": start})
    assert told["tokens"]["pageInfo"]["hasNextPage"] is False
    assert (told["endedTokenCount"], told["shortenedTokenCount"]) == (3, 3)
    assert [one["token"]["name"] for one in found] == [
        "endless 0", "endless 1", "endless 2", "late 0", "late 1", "late 2",
    ]  # fmt: skip
    assert found[1]["token"]["lastUsedFrom"] == "203.0.113.7"
    assert found[0]["token"]["createdBy"] == {"name": person.admin.name}
    given = {"policy": policy, "effectiveFrom": told["effectiveFrom"], "ifVersion": told["version"]}
    await admin.mutate("createToken", name="another")
    stale = await admin.mutate("setTokenPolicy", **given)
    assert stale["code"] == "TOKEN_POLICY_CONFLICT"
    await admin.mutate("setTokenPolicy", policy={"networks": []})
    fresh = (await admin.data(_PREVIEW, **{"policy": policy, "from": start}))["tokenPolicyPreview"]
    given["ifVersion"] = fresh["version"]
    assert (await admin.mutate("setTokenPolicy", **given))["__typename"] == "SetTokenPolicyPayload"
    promised = {
        edge["node"]["token"]["id"]: edge["node"]["newExpiresAt"]
        for edge in fresh["tokens"]["edges"]
    }
    data = await admin.data("{ tokens { edges { node { id expiresAt } } } }")
    assert {e["node"]["id"]: e["node"]["expiresAt"] for e in data["tokens"]["edges"]} == promised
    assert len(promised) == 7


async def _three_pages(admin: Client, previewed: dict[str, Any]) -> tuple[list[Any], Any]:
    """The tokens of three pages of a preview, and the last page."""
    found: list[Any] = []
    after = told = None
    for _ in range(3):
        data = await admin.data(_PREVIEW, **previewed, first=2, after=after)
        told = data["tokenPolicyPreview"]
        assert told["tokens"]["pageInfo"]["hasPreviousPage"] is (after is not None)
        found += [edge["node"] for edge in told["tokens"]["edges"]]
        after = told["tokens"]["pageInfo"]["endCursor"]
    return found, told


async def test_unacceptable_policy_is_a_problem_of_its_preview(
    client: Client, person: Person
) -> None:
    told = await client.of(person).data(_PREVIEW, policy={"maximumLifetimeDays": 0})
    assert told["tokenPolicyPreview"]["field"] == "maximumLifetimeDays"
    past = {"policy": {}, "from": "2001-01-01T00:00:00Z"}
    told = await client.of(person).data(_PREVIEW, **past)
    assert told["tokenPolicyPreview"]["field"] == "effectiveFrom"


async def test_policy_of_another_tenant_is_neither_shown_nor_changed(
    client: Client, world: World, person: Person
) -> None:
    stranger = await world.person()
    made = await world.token(stranger, "theirs")
    await client.of(person).mutate("setTokenPolicy", policy={"maximumLifetimeDays": 1})
    told = await client.of(person).data(_PREVIEW, policy={"maximumLifetimeDays": 1})
    assert told["tokenPolicyPreview"]["endedTokenCount"] == 0
    assert (await _policy(client.of(stranger)))["maximumLifetimeDays"] is None
    theirs = await models.Token.get(id=made.token.id, tenant_id=made.token.tenant_id)
    assert theirs.expires_at is None
