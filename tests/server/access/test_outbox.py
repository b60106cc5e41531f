"""Events for webhooks: the actor, the subject and the details of each activity."""

import json
from typing import Any

import pytest

import models
from models import ActivityKind, Role
from server.access import outbox
from server.access.events import NOT_TOLD
from server.access.principal import Holder, Operator
from server.access.sessions import accept_invitation, sign_out
from server.global_ids import encode_id
from server.operations import admins, holder, tenants, tokens, webhooks
from server.service import Service
from tests.support.factories import Person, World, token_id

_ADA = Operator("ada")


async def _hook(service: Service, person: Person, *wanted: str) -> models.Webhook:
    url = "https://example.com"
    made = await webhooks.create(person.principal, service, url=url, wanted=wanted)
    return made.webhook


async def _told(webhook: models.Webhook) -> list[dict[str, Any]]:
    """The bodies of the webhook's events, in their order."""
    own = models.WebhookEvent.filter(tenant_id=webhook.tenant_id, webhook_id=webhook.id)
    return [json.loads(event.body) for event in await own.order_by("number")]


async def _activity(webhook: models.Webhook) -> list[models.Activity]:
    return await models.Activity.filter(tenant_id=webhook.tenant_id).order_by("id")


def _named(person: Person) -> dict[str, Any]:
    return {"kind": "ADMIN", "id": person.id, "name": None}


async def test_renewed_invitation_names_who_had_invited_and_who_renewed(
    service: Service, world: World
) -> None:
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    other = await world.person(tenant, Role.ADMIN)
    hook = await _hook(service, owner, "admin.invitation_renewed")
    invited = await admins.add(
        owner.principal, service, email="new@example.com", name="New", role=Role.AUDITOR
    )
    await admins.renew_invitation(other.principal, service, invited.admin.id)
    await admins.renew_invitation(owner.principal, service, invited.admin.id)
    again = await admins.invite_again(_ADA, service, tenant.slug, "new@example.com")
    await accept_invitation(
        service, invitation=again.invitation, password="nine purple otters dance", address="::1"
    )
    await admins.invite_again(_ADA, service, tenant.slug, "new@example.com")
    told = await _told(hook)
    assert {body["type"] for body in told} == {"admin.invitation_renewed"}
    operator = {"kind": "OPERATOR", "id": None, "name": "ada"}
    assert [(body["data"]["details"], body["data"]["actor"]) for body in told] == [
        ({"invitedBy": owner.id}, _named(other)),
        ({"invitedBy": other.id}, _named(owner)),
        ({"invitedBy": owner.id}, operator),
        ({"invitedBy": None}, operator),
    ]
    subject = {"kind": "ADMIN", "id": encode_id("Admin", invited.admin.id)}
    assert all(body["data"]["subject"] == subject for body in told)
    assert all("token" not in body["data"] for body in told)


async def test_changes_of_admins_and_of_the_limit_are_told_without_names_of_admins(
    service: Service, world: World
) -> None:
    owner = await world.person(name="Olga Owner", email="olga@example.com")
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    leaving = await world.person(tenant, Role.ADMIN, name="Lev", email="lev@example.com")
    heir = await world.person(tenant, Role.ADMIN, name="Hera", email="hera@example.com")
    hook = await _hook(service, owner, "admin.*", "tenant.limit_set")
    await admins.set_role(owner.principal, leaving.admin.id, Role.AUDITOR)
    await admins.remove(owner.principal, leaving.admin.id)
    await admins.erase(_ADA, tenant.slug, "lev@example.com")
    await admins.transfer_ownership(owner.principal, heir.admin.id)
    await tenants.set_limit(_ADA, tenant.slug, 5)
    told = await _told(hook)
    assert [(body["type"], body["data"]["details"]) for body in told] == [
        ("admin.role_set", {"previousRole": "ADMIN", "role": "AUDITOR"}),
        ("admin.removed", {"role": "AUDITOR", "revokedTokenCount": 0, "transferredTokenCount": 0}),
        ("admin.erased", {}),
        ("admin.ownership_transferred", {"previousOwner": owner.id, "previousRole": "ADMIN"}),
        ("tenant.limit_set", {"previousRequestsPerHour": None, "requestsPerHour": 5}),
    ]
    of_tenant = {"kind": "TENANT", "id": encode_id("Tenant", tenant.id)}
    assert told[-1]["data"]["subject"] == of_tenant
    text = json.dumps(told)
    for name in ("Olga", "olga@", "Lev", "lev@", "Hera", "hera@"):
        assert name not in text


async def test_each_event_has_the_number_of_its_activity(service: Service, world: World) -> None:
    """And no other activity than those that are told becomes an event."""
    person = await world.person()
    hook = await _hook(service, person, "*")
    token = (await world.token(person, "Nightly export")).token
    await tokens.rename(person.principal, token.id, "Weekly export")
    await webhooks.set_webhook(person.principal, service, hook.id, wanted=["*", "token.*"])
    await sign_out(person.principal)
    person = await world.sign_in(person.admin)
    await holder.revoke(Holder(token.tenant_id, token.id, "192.0.2.1"))
    activities = await _activity(hook)
    assert [row.sequence for row in activities] == [1, 2, 3, 4, 5, 6]
    told = [row for row in activities if row.kind not in NOT_TOLD]
    assert [row.kind for row in told] == [
        ActivityKind.CREATED, ActivityKind.NAME_CHANGED, ActivityKind.REVOKED,
    ]  # fmt: skip
    events = await _told(hook)
    assert [body["data"]["sequence"] for body in events] == [row.sequence for row in told]
    named = {"id": token_id(token), "name": "Weekly export"}
    assert events[-1]["data"]["token"] == named
    assert events[-1]["data"]["actor"] == {"kind": "HOLDER", **named}


async def test_many_tokens_are_named_portion_by_portion(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_ROWS_AT_ONCE", 2)
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    leaving = await world.person(tenant, Role.ADMIN)
    names = [f"token {number}" for number in range(5)]
    for name in names:
        await world.token(leaving, name)
    hook = await _hook(service, owner, "token.revoked")
    await admins.remove(owner.principal, leaving.admin.id)
    assert [body["data"]["token"]["name"] for body in await _told(hook)] == names
