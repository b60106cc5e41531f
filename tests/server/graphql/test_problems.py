"""Every problem of every mutation is provoked: its message and field, and that nothing changes.

The pairs come from the schema, so that a new one fails until it is provoked here. The tests of the
operations cover the refusals themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from graphql import GraphQLUnionType, get_named_type

import models
from models import Role
from server.decisions.rotation_requests import RotationRequest
from server.global_ids import encode_id, row_id
from server.graphql.schema import CORE_SCHEMA
from server.operations import rotation, trials, webhooks
from tests.support.factories import Client, Person, World, token_id

_ABSENT_TOKEN = encode_id("Token", models.new_id())
_ABSENT_ADMIN = encode_id("Admin", models.new_id())
_ABSENT_WEBHOOK = encode_id("Webhook", models.new_id())


@dataclass(frozen=True)
class _Scene:
    """An owner, an admin and an auditor of the same tenant, three tokens and a webhook.

    The owner has changed `token` once; the admin is rotating another one, and has started a trial
    of the third one. The webhook is paused, and more of its events could be sent again than may
    wait.
    """

    owner: Person
    admin: Person
    auditor: Person
    token: str
    rotating: str
    trying: str
    webhook: str
    decided: str


_Input = Callable[[_Scene], dict[str, Any]]
# The mutation of an admin, or of the owner where only the owner may, and the field at fault.
_PROVOKED: dict[tuple[str, str], tuple[_Input, str]] = {
    ("createToken", "InvalidInput"): (lambda s: {"name": " "}, "name"),
    ("createToken", "SecretAlreadyShown"): (lambda s: {"name": "x", "idempotencyKey": "k"}, ""),
    ("setPermissions", "InvalidInput"): (
        lambda s: {"tokenId": s.token, "permissions": ["GET /nope"]},
        "permissions",
    ),
    ("setPermissions", "NotFound"): (
        lambda s: {"tokenId": _ABSENT_TOKEN, "permissions": []},
        "",
    ),
    ("setPermissions", "RevisionConflict"): (
        lambda s: {"tokenId": s.token, "permissions": [], "ifRevision": 1},
        "",
    ),
    ("editPermissions", "InvalidInput"): (
        lambda s: {"tokenId": s.token, "grant": ["GET /nope"]},
        "grant",
    ),
    ("editPermissions", "NotFound"): (
        lambda s: {"tokenId": _ABSENT_TOKEN, "grant": []},
        "",
    ),
    ("editPermissions", "RevisionConflict"): (
        lambda s: {"tokenId": s.token, "withdraw": [], "ifRevision": 1},
        "",
    ),
    ("renameToken", "InvalidInput"): (lambda s: {"tokenId": s.token, "name": "x" * 101}, "name"),
    ("renameToken", "NotFound"): (lambda s: {"tokenId": _ABSENT_TOKEN, "name": "x"}, ""),
    ("renameToken", "RevisionConflict"): (
        lambda s: {"tokenId": s.token, "name": "x", "ifRevision": 1},
        "",
    ),
    ("describeToken", "InvalidInput"): (
        lambda s: {"tokenId": s.token, "description": "x" * 1001},
        "description",
    ),
    ("describeToken", "NotFound"): (lambda s: {"tokenId": _ABSENT_TOKEN, "description": ""}, ""),
    ("describeToken", "RevisionConflict"): (
        lambda s: {"tokenId": s.token, "description": "x", "ifRevision": 1},
        "",
    ),
    ("setTokenExpiry", "InvalidInput"): (
        lambda s: {"tokenId": s.token, "expiresAt": "2001-01-01T00:00:00Z"},
        "expiresAt",
    ),
    ("setTokenExpiry", "NotFound"): (
        lambda s: {"tokenId": _ABSENT_TOKEN, "expiresAt": "2031-01-01T00:00:00Z"},
        "",
    ),
    ("setTokenExpiry", "RevisionConflict"): (
        lambda s: {"tokenId": s.token, "expiresAt": "2031-01-01T00:00:00Z", "ifRevision": 1},
        "",
    ),
    ("pauseToken", "NotFound"): (lambda s: {"tokenId": _ABSENT_TOKEN}, ""),
    ("pauseToken", "RevisionConflict"): (
        lambda s: {"tokenId": s.token, "ifRevision": 1},
        "",
    ),
    ("resumeToken", "NotFound"): (lambda s: {"tokenId": _ABSENT_TOKEN}, ""),
    ("resumeToken", "RevisionConflict"): (
        lambda s: {"tokenId": s.token, "ifRevision": 1},
        "",
    ),
    ("setTokenNetworks", "InvalidInput"): (
        lambda s: {"tokenId": s.token, "networks": ["nowhere"]},
        "networks",
    ),
    ("setTokenNetworks", "NotFound"): (
        lambda s: {"tokenId": _ABSENT_TOKEN, "networks": ["192.0.2.0/24"]},
        "",
    ),
    ("setTokenNetworks", "RevisionConflict"): (
        lambda s: {"tokenId": s.token, "networks": ["192.0.2.0/24"], "ifRevision": 1},
        "",
    ),
    ("setTokenRateLimit", "InvalidInput"): (
        lambda s: {"tokenId": s.token, "requestsPerHour": 0},
        "requestsPerHour",
    ),
    ("setTokenRateLimit", "NotFound"): (
        lambda s: {"tokenId": _ABSENT_TOKEN, "requestsPerHour": 7},
        "",
    ),
    ("setTokenRateLimit", "RevisionConflict"): (
        lambda s: {"tokenId": s.token, "requestsPerHour": 7, "ifRevision": 1},
        "",
    ),
    ("setHolderMayRotate", "NotFound"): (
        lambda s: {"tokenId": _ABSENT_TOKEN, "holderMayRotate": True},
        "",
    ),
    ("setHolderMayRotate", "RevisionConflict"): (
        lambda s: {"tokenId": s.token, "holderMayRotate": True, "ifRevision": 1},
        "",
    ),
    ("dismissCatalogueNotice", "NotFound"): (
        lambda s: {"versionId": encode_id("CatalogueVersion", models.new_id())},
        "",
    ),
    ("setTokenPolicy", "InvalidInput"): (
        lambda s: {"policy": {"maximumLifetimeDays": 0}},
        "maximumLifetimeDays",
    ),
    ("setTokenPolicy", "TokenPolicyConflict"): (
        lambda s: {
            "policy": {"maximumLifetimeDays": 9},
            "effectiveFrom": (models.now() + timedelta(days=9)).isoformat(),
            "ifVersion": "x",
        },
        "",
    ),
    ("transferToken", "NotFound"): (lambda s: {"tokenId": _ABSENT_TOKEN, "toAdminId": None}, ""),
    ("transferToken", "RevisionConflict"): (
        lambda s: {"tokenId": s.token, "toAdminId": None, "ifRevision": 1},
        "",
    ),
    ("rotateToken", "InvalidInput"): (
        lambda s: {"tokenId": s.token, "drainSeconds": -1},
        "drainSeconds",
    ),
    ("rotateToken", "NotFound"): (lambda s: {"tokenId": _ABSENT_TOKEN}, ""),
    ("rotateToken", "RevisionConflict"): (lambda s: {"tokenId": s.token, "ifRevision": 1}, ""),
    ("rotateToken", "RotationUnderWay"): (lambda s: {"tokenId": s.rotating}, ""),
    ("rotateToken", "SecretAlreadyShown"): (
        lambda s: {"tokenId": s.rotating, "idempotencyKey": "k"},
        "",
    ),
    ("endRotation", "InvalidInput"): (lambda s: {"tokenId": s.rotating, "keep": "OLD"}, "keep"),
    ("endRotation", "NotFound"): (lambda s: {"tokenId": _ABSENT_TOKEN, "keep": "NEW"}, ""),
    ("endRotation", "RevisionConflict"): (
        lambda s: {"tokenId": s.token, "keep": "NEW", "ifRevision": 1},
        "",
    ),
    ("startTrial", "InvalidInput"): (
        lambda s: {"tokenId": s.token, "permissions": ["GET /nope"]},
        "permissions",
    ),
    ("startTrial", "NotFound"): (lambda s: {"tokenId": _ABSENT_TOKEN, "permissions": []}, ""),
    ("startTrial", "RevisionConflict"): (
        lambda s: {"tokenId": s.token, "permissions": [], "ifRevision": 1},
        "",
    ),
    ("startTrial", "TrialUnderWay"): (lambda s: {"tokenId": s.trying, "permissions": []}, ""),
    ("enforceTrial", "InvalidInput"): (lambda s: {"tokenId": s.token}, "tokenId"),
    ("enforceTrial", "NotFound"): (lambda s: {"tokenId": _ABSENT_TOKEN}, ""),
    ("enforceTrial", "RevisionConflict"): (lambda s: {"tokenId": s.token, "ifRevision": 1}, ""),
    ("dropTrial", "NotFound"): (lambda s: {"tokenId": _ABSENT_TOKEN}, ""),
    ("dropTrial", "RevisionConflict"): (lambda s: {"tokenId": s.token, "ifRevision": 1}, ""),
    ("revokeToken", "InvalidInput"): (
        lambda s: {"tokenId": s.token, "reason": "POLICY"},
        "reason",
    ),
    ("revokeTokens", "InvalidInput"): (
        lambda s: {"filter": {"states": ["REVOKED"]}, "expectedCount": 0},
        "filter",
    ),
    ("revokeTokens", "CountChanged"): (lambda s: {"filter": {}, "expectedCount": 99}, ""),
    ("grantAccessRequest", "InvalidInput"): (lambda s: {"requestId": s.decided}, "requestId"),
    ("grantAccessRequest", "NotFound"): (lambda s: {"requestId": _ABSENT_TOKEN}, ""),
    ("declineAccessRequest", "InvalidInput"): (
        lambda s: {"requestId": s.decided, "reason": ""},
        "reason",
    ),
    ("declineAccessRequest", "NotFound"): (
        lambda s: {"requestId": _ABSENT_TOKEN, "reason": "No"},
        "",
    ),
    ("revokeToken", "NotFound"): (lambda s: {"tokenId": _ABSENT_TOKEN}, ""),
    ("addAdmin", "InvalidInput"): (
        lambda s: {"email": s.owner.admin.email, "name": "x", "role": "ADMIN"},
        "email",
    ),
    ("renewInvitation", "InvalidInput"): (lambda s: {"adminId": s.owner.id}, "adminId"),
    ("renewInvitation", "NotFound"): (lambda s: {"adminId": _ABSENT_ADMIN}, ""),
    ("setAdminRole", "InvalidInput"): (lambda s: {"adminId": s.admin.id, "role": "OWNER"}, "role"),
    ("setAdminRole", "NotFound"): (lambda s: {"adminId": _ABSENT_ADMIN, "role": "ADMIN"}, ""),
    ("setAdminRole", "LastOwner"): (lambda s: {"adminId": s.owner.id, "role": "ADMIN"}, ""),
    ("transferOwnership", "InvalidInput"): (lambda s: {"adminId": s.owner.id}, "adminId"),
    ("transferOwnership", "NotFound"): (lambda s: {"adminId": _ABSENT_ADMIN}, ""),
    ("removeAdmin", "InvalidInput"): (
        lambda s: {"adminId": s.admin.id, "others": {"action": "REVOKE", "toAdminId": s.owner.id}},
        "others",
    ),
    ("removeAdmin", "RemovalPlanConflict"): (
        lambda s: {"adminId": s.auditor.id, "ifVersion": "of before"},
        "",
    ),
    ("removeAdmin", "NotFound"): (lambda s: {"adminId": _ABSENT_ADMIN}, ""),
    ("removeAdmin", "LastOwner"): (lambda s: {"adminId": s.owner.id}, ""),
    ("removeAdmin", "OwnAccount"): (lambda s: {"adminId": s.admin.id}, ""),
    ("createWebhook", "InvalidInput"): (
        lambda s: {"url": "http://example.com", "events": ["*"]},
        "url",
    ),
    ("setWebhook", "InvalidInput"): (
        lambda s: {"webhookId": s.webhook, "events": ["token.eaten"]},
        "events",
    ),
    ("setWebhook", "NotFound"): (lambda s: {"webhookId": _ABSENT_WEBHOOK}, ""),
    ("testWebhook", "InvalidInput"): (lambda s: {"webhookId": s.webhook}, "webhookId"),
    ("testWebhook", "NotFound"): (lambda s: {"webhookId": _ABSENT_WEBHOOK}, ""),
    ("replayWebhook", "InvalidInput"): (
        lambda s: {"webhookId": s.webhook, "since": "2026-01-01T00:00:00Z"},
        "since",
    ),
    ("replayWebhook", "NotFound"): (
        lambda s: {"webhookId": _ABSENT_WEBHOOK, "since": "2026-01-01T00:00:00Z"},
        "",
    ),
    ("removeWebhook", "NotFound"): (lambda s: {"webhookId": _ABSENT_WEBHOOK}, ""),
}
_CODES = {
    "InvalidInput": "INVALID_INPUT",
    "NotFound": "NOT_FOUND",
    "RevisionConflict": "REVISION_CONFLICT",
    "CountChanged": "COUNT_CHANGED",
    "TokenPolicyConflict": "TOKEN_POLICY_CONFLICT",
    "RemovalPlanConflict": "REMOVAL_PLAN_CONFLICT",
    "SecretAlreadyShown": "SECRET_ALREADY_SHOWN",
    "RotationUnderWay": "ROTATION_UNDER_WAY",
    "TrialUnderWay": "TRIAL_UNDER_WAY",
    "LastOwner": "LAST_OWNER",
    "OwnAccount": "OWN_ACCOUNT",
}


def _members(mutation: str) -> set[str]:
    """The problems among a mutation's results."""
    assert CORE_SCHEMA.mutation_type
    union = get_named_type(CORE_SCHEMA.mutation_type.fields[mutation].type)
    assert isinstance(union, GraphQLUnionType)
    return {one.name for one in union.types if not one.name.endswith("Payload")}


def test_every_problem_of_every_mutation_is_provoked() -> None:
    assert CORE_SCHEMA.mutation_type
    mutations = CORE_SCHEMA.mutation_type.fields
    assert {(name, one) for name in mutations for one in _members(name)} == set(_PROVOKED)


@pytest.mark.parametrize(("mutation", "problem"), _PROVOKED)
async def test_problem_has_message_and_field_and_changes_nothing(
    mutation: str, problem: str, client: Client, world: World
) -> None:
    scene = await _scene(world, client)
    given, field = _PROVOKED[mutation, problem]
    before = await _everything()
    is_owners = mutation in {"transferOwnership", "setTokenPolicy"}
    person = scene.owner if is_owners else scene.admin
    extra = {"InvalidInput": "field", "RevisionConflict": "token { revision }"}
    for one in ("SecretAlreadyShown", "RotationUnderWay", "TrialUnderWay"):
        extra[one] = "token { name }"
    extra["CountChanged"] = "count"
    fields = " ".join(
        f"... on {name} {{ {extra[name]} }}" for name in sorted(_members(mutation)) if name in extra
    )
    result = await client.of(person).mutate(mutation, fields, **given(scene))
    assert (result["__typename"], result["code"]) == (problem, _CODES[problem])
    assert result["message"].endswith(".")
    assert result.get("field", "") == field
    assert result.get("count", 4) == 4
    if "token" in result:
        assert result["token"] in ({"revision": 2}, {"name": "once"})
    assert await _everything() == before


async def _scene(world: World, client: Client) -> _Scene:
    owner = await world.person()
    admin = await world.person(await models.Tenant.get(id=owner.admin.tenant_id), Role.ADMIN)
    await world.token(admin, "once", idempotency_key="k")
    token = token_id((await world.token(owner)).token)
    await client.of(owner).mutate("renameToken", tokenId=token, name="changed")
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    auditor = await world.person(tenant, Role.AUDITOR)
    rotating, webhook = await _rotating(world, admin), await _webhook(world, admin)
    decided = await models.AccessRequest.create(
        tenant_id=tenant.id,
        token_id=row_id("Token", token),
        key="GET /api/v1/tags",
        reason="Why",
        address="::1",
        state=models.AccessRequestState.DECLINED,
    )
    request = encode_id("AccessRequest", decided.id)
    trying = await _trying(world, admin)
    return _Scene(owner, admin, auditor, token, rotating, trying, webhook, request)


async def _webhook(world: World, admin: Person) -> str:
    made = await webhooks.create(
        admin.principal, world.service, url="https://example.com", wanted=["*"]
    )
    await webhooks.test(admin.principal, made.webhook.id)
    await models.Webhook.filter(tenant_id=admin.admin.tenant_id).update(
        state=models.WebhookState.PAUSED, last_number=10_001, sent_number=10_001
    )
    return encode_id("Webhook", made.webhook.id)


async def _rotating(world: World, admin: Person) -> str:
    """A token whose new secret is in use."""
    made = (await world.token(admin, "once")).token
    await rotation.rotate(
        admin.principal, world.service, made.id, RotationRequest(idempotency_key="k")
    )
    picked_up = models.TokenRotation.filter(tenant_id=made.tenant_id, id=made.id)
    await picked_up.update(picked_up_at=models.now())
    return token_id(made)


async def _trying(world: World, admin: Person) -> str:
    """A token with a trial under way."""
    made = (await world.token(admin, "once", ["GET /api/v1/devices"])).token
    await trials.start(admin.principal, made.id, [])
    return token_id(made)


async def _everything() -> list[Any]:
    rows = (
        *(models.Token, models.TokenPermission, models.Activity, models.Admin, models.Invitation),
        *(models.TokenTrial, models.Webhook, models.WebhookEvent),
    )
    return [await row.all().order_by("id").values() for row in rows]


async def test_transfer_of_ownership_returns_the_new_roles(client: Client, world: World) -> None:
    scene = await _scene(world, client)
    fields = "... on TransferOwnershipPayload { owner { id role } formerOwner { id role } }"
    told = await client.of(scene.owner).mutate("transferOwnership", fields, adminId=scene.admin.id)
    assert told["owner"] == {"id": scene.admin.id, "role": "OWNER"}
    assert told["formerOwner"] == {"id": scene.owner.id, "role": "ADMIN"}
