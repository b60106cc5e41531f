"""Rotations as a front-end sees them: the mutations, and a token's rotation under way."""

from typing import Any

import pytest

import models
from server.decisions import log_rows
from server.decisions.log_rows import Unwritten
from server.decisions.old_use_rows import OldUse
from tests.support.factories import Client, Person, World, token_id

ROTATION = """rotation { state startedAt startedBy { id } newHint oldHint pickedUpAt pickedUpFrom
    oldSecretEndsAt latestBy oldSecretUses { address userAgent count lastUsedAt } }"""
ROTATED = f"... on RotateTokenPayload {{ secret token {{ hint {ROTATION} }} }}"
ENDED = f"... on EndRotationPayload {{ token {{ hint {ROTATION} }} }}"


@pytest.fixture
async def person(world: World) -> Person:
    return await world.person()


async def shown(client: Client, token: str) -> Any:
    """The rotation of a token, the same in a list and alone."""
    data = await client.data(
        f"""query ($id: ID!) {{
            token(id: $id) {{ {ROTATION} }} tokens {{ edges {{ node {{ {ROTATION} }} }} }} }}""",
        id=token,
    )
    assert [edge["node"] for edge in data["tokens"]["edges"]] == [data["token"]]
    return data["token"]["rotation"]


async def test_rotation_is_shown_while_it_is_under_way(
    client: Client, world: World, person: Person
) -> None:
    made, admin = await world.token(person), client.of(person)
    token = token_id(made.token)
    assert await shown(admin, token) is None
    latest_by = "2031-02-03T04:05:06.007008Z"
    rotated = await admin.mutate("rotateToken", ROTATED, tokenId=token, latestBy=latest_by)
    secret = rotated["secret"]
    assert secret != made.secret
    pending = await shown(admin, token)
    assert rotated["token"] == {"hint": f"{secret[:10]}…", "rotation": pending}
    assert pending.pop("startedAt")
    cut = "2031-02-03T04:05:06.007000Z"
    assert pending == {
        "state": "PENDING", "startedBy": {"id": person.id}, "newHint": f"{secret[:10]}…",
        "oldHint": made.token.hint, "pickedUpAt": None, "pickedUpFrom": None,
        "oldSecretEndsAt": cut, "latestBy": cut, "oldSecretUses": [],
    }  # fmt: skip
    ended = await admin.mutate("endRotation", ENDED, tokenId=token, keep="OLD")
    assert ended["token"] == {"hint": made.token.hint, "rotation": None}
    assert await shown(admin, token) is None


async def test_draining_rotation_tells_who_uses_the_old_secret(
    client: Client, world: World, person: Person
) -> None:
    made, admin = await world.token(person), client.of(person)
    token = token_id(made.token)
    await admin.mutate("rotateToken", tokenId=token, drainSeconds=None)
    at = models.now()
    rows = models.TokenRotation.filter(tenant_id=made.token.tenant_id, id=made.token.id)
    await rows.update(picked_up_at=at, picked_up_from="192.0.2.9")
    of_it = str(made.token.tenant_id), str(made.token.id)
    later = at.timestamp() + 1
    uses = {
        (*of_it, "192.0.2.1", "cron"): OldUse("192.0.2.1", "cron", 2, later),
        (*of_it, "192.0.2.1", "ui"): OldUse("192.0.2.1", "ui", 1, later + 1),
    }
    for _ in range(2):
        await log_rows.write(Unwritten(old_uses=uses))
    # Written late: it belongs to an earlier rotation.
    late = OldUse("192.0.2.2", "late", 1, at.timestamp() - 60)
    await log_rows.write(Unwritten(old_uses={(*of_it, "192.0.2.2", "late"): late}))
    found = await shown(admin, token)
    assert (found["state"], found["pickedUpFrom"]) == ("DRAINING", "192.0.2.9")
    assert found["oldSecretEndsAt"] > found["pickedUpAt"]
    assert [(use["userAgent"], use["count"]) for use in found["oldSecretUses"]] == [
        ("ui", 2), ("cron", 4)
    ]  # fmt: skip


async def test_clients_on_the_old_secret_are_kept_in_a_limited_number(
    client: Client, world: World, person: Person
) -> None:
    made, admin = await world.token(person), client.of(person)
    await admin.mutate("rotateToken", tokenId=token_id(made.token))
    of_it, at = (str(made.token.tenant_id), str(made.token.id)), models.now().timestamp()
    for start in range(0, 120, 40):
        uses = {
            (*of_it, "192.0.2.1", f"agent {n}"): OldUse("192.0.2.1", f"agent {n}", 1, at + n)
            for n in range(start, start + 40)
        }
        await log_rows.write(Unwritten(old_uses=uses))
    found = await shown(admin, token_id(made.token))
    agents = [use["userAgent"] for use in found["oldSecretUses"]]
    assert agents == [f"agent {n}" for n in range(119, 69, -1)]


async def test_activity_of_a_rotation_has_its_details(
    client: Client, world: World, person: Person
) -> None:
    made, admin = await world.token(person), client.of(person)
    token = token_id(made.token)
    await admin.mutate("rotateToken", tokenId=token, drainSeconds=5)
    await admin.mutate("endRotation", tokenId=token, keep="NEW")
    await admin.mutate("rotateToken", tokenId=token, compromised=True)
    data = await admin.data(
        """query ($id: ID!) { tokenActivity(tokenId: $id) { edges { node {
            actor { id }
            ... on TokenRotationStarted { compromised latestBy drainSeconds }
            ... on TokenRotationEnded { kept } } } } }""",
        id=token,
    )
    by = {"actor": {"id": person.id}}
    assert [edge["node"] for edge in data["tokenActivity"]["edges"]] == [
        by | {"compromised": True, "latestBy": None, "drainSeconds": 600},
        by | {"kept": "NEW"},
        by | {"compromised": False, "latestBy": None, "drainSeconds": 5},
        by,
    ]
