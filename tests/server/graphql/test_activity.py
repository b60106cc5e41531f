"""Activity by kind, and how many permissions a token holds, as a front-end asks for them."""

from datetime import timedelta

import pytest

import models
from models import Role
from server.access import activity
from server.access.principal import SYSTEM
from server.global_ids import row_id
from tests.support.factories import Client, Person, World, token_id

_LIVE = "{ __typename ... on TokenActivity { token { name } } }"
_POLICY = "defaultLifetimeDays maximumLifetimeDays pauseUnusedAfterDays networks"
_TYPES = {
    "CREATED": "TokenCreated",
    "NAME_CHANGED": "TokenNameChanged",
    "DESCRIPTION_CHANGED": "TokenDescriptionChanged",
    "PERMISSIONS_EDITED": "TokenPermissionsEdited",
    "PERMISSIONS_GREW": "TokenPermissionsGrew",
    "EXPIRY_SET": "TokenExpirySet",
    "PAUSED": "TokenPaused",
    "RESUMED": "TokenResumed",
    "NETWORKS_SET": "TokenNetworksSet",
    "RATE_LIMIT_SET": "TokenRateLimitSet",
    "TRANSFERRED": "TokenTransferred",
    "ROTATION_STARTED": "TokenRotationStarted",
    "ROTATION_PICKED_UP": "TokenRotationPickedUp",
    "ROTATION_ENDED": "TokenRotationEnded",
    "HOLDER_MAY_ROTATE_SET": "TokenHolderMayRotateSet",
    "TRIAL_STARTED": "TokenTrialStarted",
    "TRIAL_ENFORCED": "TokenTrialEnforced",
    "TRIAL_DROPPED": "TokenTrialDropped",
    "REVOKED": "TokenRevoked",
}
_KEYS = ["GET /api/v1/devices", "GET /api/v1/tags"]


@pytest.fixture
async def person(world: World) -> Person:
    return await world.person()


async def _live_through_everything(client: Client, name: str) -> str:
    """The id of a new token with one activity of each kind."""
    made = await client.mutate(
        "createToken", "... on CreateTokenPayload { token { id } }", name=name
    )
    of_it = {"tokenId": made["token"]["id"]}
    await client.mutate("renameToken", **of_it, name=f"{name}, renamed")
    await client.mutate("describeToken", **of_it, description="what it is for")
    await client.mutate("setPermissions", **of_it, permissions=_KEYS)
    await client.mutate("setTokenExpiry", **of_it, expiresAt="2031-01-01T00:00:00Z")
    await client.mutate("pauseToken", **of_it)
    await client.mutate("resumeToken", **of_it)
    await client.mutate("setTokenNetworks", **of_it, networks=["192.0.2.0/24"])
    await client.mutate("setTokenRateLimit", **of_it, requestsPerHour=7)
    await client.mutate("transferToken", **of_it, toAdminId=None)
    await client.mutate("setHolderMayRotate", **of_it, holderMayRotate=True)
    await _rotate(client, of_it["tokenId"])
    await client.mutate("startTrial", **of_it, permissions=_KEYS[:1])
    await _end_by_clock(of_it["tokenId"])
    await client.mutate("enforceTrial", **of_it)
    await client.mutate("revokeToken", **of_it)
    return str(made["token"]["id"])


async def _rotate(client: Client, token: str) -> None:
    """Rotate a token, use its new secret as the wire would, end the rotation, and let it grow."""
    found = row_id("Token", token)
    rotated = await client.mutate("rotateToken", tokenId=token)
    assert rotated["__typename"] == "RotateTokenPayload"
    row = await models.Token.filter(id=found).get()
    await activity.record_by_holder(models.ActivityKind.ROTATION_PICKED_UP, row, address="::1")
    await client.mutate("endRotation", tokenId=token, keep="NEW")
    grew = {"granted": _KEYS[:1], "categories": ["Tags"]}
    await activity.record(SYSTEM, models.ActivityKind.PERMISSIONS_GREW, row, **grew)


async def _end_by_clock(token: str) -> None:
    """The activity of a trial that ended by itself: a second trial would start twice."""
    row = await models.Token.filter(id=row_id("Token", token)).get()
    details = {"wouldHaveDenied": 2, "needed": _KEYS[1:], "byClock": True}
    await activity.record(SYSTEM, models.ActivityKind.TRIAL_DROPPED, row, **details)


@pytest.mark.parametrize("kind", _TYPES)
async def test_activity_is_filtered_by_kind(client: Client, person: Person, kind: str) -> None:
    admin = client.of(person)
    first = await _live_through_everything(admin, "first")
    await _live_through_everything(admin, "second")
    data = await admin.data(
        f"""query ($id: ID!, $kind: ActivityKind) {{
            activity(kind: $kind) {{ edges {{ node {_LIVE} }} }}
            tokenActivity(tokenId: $id, kind: $kind) {{ edges {{ node {_LIVE} }} }}
            token(id: $id) {{ activity(kind: $kind) {{ edges {{ node {_LIVE} }} }} }}
        }}""",
        id=first,
        kind=kind,
    )
    one = {"node": {"__typename": _TYPES[kind], "token": {"name": "first, renamed"}}}
    other = {"node": {"__typename": _TYPES[kind], "token": {"name": "second, renamed"}}}
    assert data["activity"]["edges"] == [other, one]
    assert data["tokenActivity"]["edges"] == [one]
    assert data["token"]["activity"]["edges"] == [one]


async def test_creation_tells_the_recipe_and_what_is_followed(
    client: Client, person: Person
) -> None:
    admin = client.of(person)
    await admin.mutate("createToken", name="plain")
    given = {"recipe": "okta-workflows", "followCategories": ["Users", "Tags", "Users"]}
    made = await admin.mutate("createToken", name="given", **given)
    assert made["__typename"] == "CreateTokenPayload"
    shown = "{ ... on TokenCreated { followed recipe } }"
    data = await admin.data(f"{{ activity {{ edges {{ node {shown} }} }} }}")
    assert [edge["node"] for edge in data["activity"]["edges"][:2]] == [
        {"followed": ["Tags", "Users"], "recipe": "okta-workflows"},
        {"followed": [], "recipe": None},
    ]
    rows = await models.Activity.filter(kind="CREATED").order_by("sequence")
    assert [row.details for row in rows] == [
        {},  # As in rows of versions that told neither.
        {"followed": ["Tags", "Users"], "recipe": "okta-workflows", "recipeVersion": 1},
    ]


async def test_change_of_the_policy_is_activity_of_no_token(client: Client, person: Person) -> None:
    admin = client.of(person)
    await _live_through_everything(admin, "first")
    policy = {"maximumLifetimeDays": 30, "networks": ["192.0.2.0/24"]}
    await admin.mutate("setTokenPolicy", policy=policy)
    later = {"defaultLifetimeDays": 7, "maximumLifetimeDays": 60, "pauseUnusedAfterDays": 90}
    await admin.mutate("setTokenPolicy", policy=later, effectiveFrom=_days_ahead(3))
    shown = f"""{{ __typename id token {{ id }} actor {{ name }} ... on TokenPolicySet {{
        previousPolicy {{ {_POLICY} }} policy {{ {_POLICY} }} effectiveFrom }} }}"""
    data = await admin.data(
        f"{{ activity(first: 1) {{ edges {{ node {shown} }} }}"
        f" ofKind: activity(kind: TOKEN_POLICY_SET) {{ edges {{ node {shown} }} }} }}"
    )
    last, first = (edge["node"] for edge in data["ofKind"]["edges"])
    assert [edge["node"] for edge in data["activity"]["edges"]] == [last]
    assert (last["__typename"], last["token"]) == ("TokenPolicySet", None)
    assert last["actor"] == {"name": person.admin.name}
    values = {
        "defaultLifetimeDays": None,
        "maximumLifetimeDays": 30,
        "pauseUnusedAfterDays": None,
        "networks": ["192.0.2.0/24"],
    }
    assert first["previousPolicy"] == values | {"maximumLifetimeDays": None, "networks": []}
    assert first["policy"] == last["previousPolicy"] == values
    assert last["policy"] == later | {"networks": []}
    again = await admin.data(
        f"query ($id: ID!) {{ node(id: $id) {{ ... on TokenPolicySet {shown} }} }}", id=last["id"]
    )
    assert again["node"] == last


def _days_ahead(days: int) -> str:
    return (models.now() + timedelta(days=days)).isoformat()


async def test_pages_of_one_kind_continue_at_the_cursor(client: Client, person: Person) -> None:
    admin = client.of(person)
    for name in ("first", "second", "third"):
        await _live_through_everything(admin, name)
    page = """query ($after: String) { activity(first: 2, after: $after, kind: REVOKED) {
        edges { node { token { name } } } pageInfo { hasNextPage endCursor } } }"""
    one = (await admin.data(page))["activity"]
    two = (await admin.data(page, after=one["pageInfo"]["endCursor"]))["activity"]
    names = [edge["node"]["token"]["name"] for edge in one["edges"] + two["edges"]]
    assert names == ["third, renamed", "second, renamed", "first, renamed"]
    assert (one["pageInfo"]["hasNextPage"], two["pageInfo"]["hasNextPage"]) == (True, False)


async def test_unknown_kind_is_refused(client: Client, person: Person) -> None:
    response = await client.of(person).graphql(
        "{ activity(kind: EVERYTHING) { edges { cursor } } }"
    )
    assert response.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_permissions_are_counted_in_lists_and_alone(
    client: Client, world: World, person: Person
) -> None:
    none = await world.token(person, "none")
    both = await world.token(person, "both", _KEYS)
    stranger = await world.person()
    await world.token(stranger, "theirs", _KEYS)
    data = await client.of(person).data(
        """query ($none: ID!, $both: ID!) {
            tokens { edges { node { name permissionCount } } }
            none: token(id: $none) { permissionCount }
            both: token(id: $both) { permissionCount }
        }""",
        none=token_id(none.token),
        both=token_id(both.token),
    )
    assert [edge["node"] for edge in data["tokens"]["edges"]] == [
        {"name": "both", "permissionCount": 2},
        {"name": "none", "permissionCount": 0},
    ]
    assert (data["none"], data["both"]) == ({"permissionCount": 0}, {"permissionCount": 2})


async def test_transfers_tell_the_organisation_from_a_removed_admin(
    client: Client, world: World
) -> None:
    tenant = await world.tenant()
    person = await world.person(tenant)
    colleague = await world.person(tenant, role=Role.ADMIN)
    admin = client.of(person)
    token = token_id((await world.token(person, "one")).token)
    await admin.mutate("transferToken", tokenId=token, toAdminId=colleague.id)
    await admin.mutate("transferToken", tokenId=token, toAdminId=None)
    await admin.mutate("removeAdmin", adminId=colleague.id)
    data = await admin.data(
        """query ($id: ID!) { token(id: $id) { activity(kind: TRANSFERRED) { edges { node {
            ... on TokenTransferred {
                previousOwner { name } wasOwnedByOrganisation owner { name } isOwnedByOrganisation
            } } } } } }""",
        id=token,
    )
    last, first = (edge["node"] for edge in data["token"]["activity"]["edges"])
    assert last == {
        "previousOwner": {"name": colleague.admin.name},
        "wasOwnedByOrganisation": False,
        "owner": None,
        "isOwnedByOrganisation": True,
    }
    assert first["previousOwner"] == {"name": person.admin.name}
    assert first["isOwnedByOrganisation"] is False
