"""A suspended tenant: nobody enters and nothing is sent, on every surface, until it is resumed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest

import models
from models import ActivityKind, RefusalReason
from server.access import mails
from server.access.principal import IntrospectionClient, Operator
from server.app import App, create_app
from server.errors import DeletionUnderWay, InvalidInput, NotFound
from server.jobs import delivery_queue, mail_queue
from server.operations import admins, introspection, tenants, webhooks
from server.service import Service
from tests.support.factories import PASSWORD, Client, Person, World
from tests.support.gateways import Gateway, gateway
from tests.support.webhooks import make_due, row_of

KEY = "GET /api/v1/devices"
HERE = "203.0.113.7"
_OPERATOR = Operator("ada")


@dataclass
class Case:
    """A token of a tenant, and its owner, as the surfaces meet them."""

    app: App
    http: httpx2.AsyncClient
    service: Service
    person: Person
    tenant: models.Tenant
    secret: str

    async def check(self) -> tuple[int, str]:
        """The status and code of a check."""
        asked = Gateway(gateway(self.app).http)
        async with asked.http:
            host = f"{self.tenant.slug}.api.us.example.com"
            answer = await asked.ask(self.secret, host=host, headers={"X-Forwarded-For": HERE})
        return answer.status_code, answer.headers.get("x-tessera-code", "")

    async def is_active(self) -> bool:
        """Whether introspection calls the secret active."""
        client = IntrospectionClient(models.new_id())
        return bool(await introspection.introspect(client, self.service, self.secret))

    async def as_holder(self, method: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {self.secret}"}
        answer = await self.http.request(method, "/token", headers=headers)
        return answer.status_code, answer.headers.get("x-tessera-code", "")

    async def sign_in(self, password: str = PASSWORD) -> tuple[int, str]:
        email = self.person.admin.email
        body = {"tenant": self.tenant.slug, "email": email, "password": password}
        answer = await self.http.post("/session", json={**body, "transport": "bearer"})
        return answer.status_code, answer.json().get("code", "")

    async def read(self) -> int:
        """The status of a query in the owner's session."""
        answer = await Client(self.http).of(self.person).graphql("{ viewer { name } }")
        return answer.status_code

    async def entries(self) -> list[tuple[ActivityKind, dict[str, Any]]]:
        rows = models.Activity.filter(tenant_id=self.tenant.id, subject_id=self.tenant.id)
        return [(row.kind, row.details) for row in await rows.order_by("id")]


@pytest.fixture
async def case(service: Service, world: World) -> AsyncIterator[Case]:
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    made = await world.token(person, permissions=[KEY])
    app = create_app(service)
    transport: Any = httpx2.ASGITransport(app=app, client=(HERE, 40000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
        yield Case(app, http, service, person, tenant, made.secret)
    await app.close()


async def test_suspended_tenant_is_refused_everywhere_until_it_is_resumed(case: Case) -> None:
    assert (await case.check(), await case.is_active(), await case.read()) == ((200, ""), True, 200)
    suspended = await tenants.suspend(_OPERATOR, case.tenant.slug)
    refused = (401, "TENANT_SUSPENDED")
    assert (await case.check(), await case.is_active(), await case.read()) == (refused, False, 401)
    assert [await case.as_holder(way) for way in ("GET", "DELETE")] == [refused, refused]
    assert await case.sign_in() == (403, "TENANT_SUSPENDED")
    assert await case.sign_in("a wrong password") == (401, "WRONG_PASSWORD")
    again = await tenants.suspend(_OPERATOR, case.tenant.slug)
    assert again.suspended_at == suspended.suspended_at
    await tenants.resume(_OPERATOR, case.tenant.slug)
    assert (await case.check(), await case.is_active(), await case.read()) == ((200, ""), True, 200)
    assert (await case.as_holder("GET"))[0] == 200
    assert (await case.sign_in())[0] == 201
    assert suspended.suspended_at is not None
    assert await case.entries() == [
        (ActivityKind.TENANT_SUSPENDED, {}),
        (ActivityKind.TENANT_RESUMED, {"suspendedSince": suspended.suspended_at.isoformat()}),
    ]
    await case.app.close()
    reasons = await models.TokenRefusal.filter(tenant_id=case.tenant.id)
    assert [row.reason for row in reasons] == [RefusalReason.TENANT_SUSPENDED] * 3


async def test_a_suspended_tenant_leaves_others_alone(case: Case, world: World) -> None:
    other = await world.person()
    await tenants.suspend(_OPERATOR, (await models.Tenant.get(id=other.admin.tenant_id)).slug)
    assert (await case.check(), await case.is_active(), await case.read()) == ((200, ""), True, 200)


async def test_an_invitation_waits_for_the_end_of_the_suspension(case: Case) -> None:
    invited = await admins.invite_again(
        _OPERATOR, case.service, case.tenant.slug, case.person.admin.email
    )
    await tenants.suspend(_OPERATOR, case.tenant.slug)
    body = {"invitation": invited.invitation, "password": "nine purple otters dance here"}
    answer = await case.http.post("/invitation", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "TENANT_SUSPENDED")
    await tenants.resume(_OPERATOR, case.tenant.slug)
    assert (await case.http.post("/invitation", json=body)).status_code == 204


async def test_nothing_is_sent_meanwhile(case: Case) -> None:
    made = await webhooks.create(
        case.person.principal, case.service, url="https://example.com", wanted=["tenant.*"]
    )
    await tenants.suspend(_OPERATOR, case.tenant.slug)
    webhook = await row_of(made.webhook)
    assert webhook.waiting
    await make_due(webhook)
    at = models.now() - timedelta(hours=1)
    mail = await models.Mail.create(
        tenant_id=case.tenant.id, admin_id=case.person.admin.id, kind=models.MailKind.REMINDERS,
        due_at=at, expires_at=at + mails.TRIED,
    )  # fmt: skip
    key = (case.tenant.id, mail.admin_id, mail.kind)
    lease = timedelta(seconds=60)
    assert (await delivery_queue.due(9), await mail_queue.due(9)) == ([], [])
    assert await delivery_queue.take(case.tenant.id, webhook.id, models.new_id(), lease) is None
    assert await mail_queue.take(key, models.new_id(), lease) == []
    await tenants.resume(_OPERATOR, case.tenant.slug)
    assert await delivery_queue.due(9) == [(case.tenant.id, webhook.id)]
    assert await mail_queue.due(9) == [key]
    types = await models.WebhookEvent.filter(tenant_id=case.tenant.id).order_by("number")
    assert [event.type for event in types] == ["tenant.suspended", "tenant.resumed"]


async def test_renamed_tenant_keeps_its_slug(case: Case) -> None:
    previous = case.tenant.name
    await tenants.rename(_OPERATOR, case.tenant.slug, "  Acme & Sons ")
    await tenants.rename(_OPERATOR, case.tenant.slug, "Acme & Sons")
    query = "{ tenant { name slug } activity(first: 1) { edges { node { __typename %s } } } }"
    told = "... on TenantRenamed { previousName name }"
    seen = await Client(case.http).of(case.person).data(query % told)
    assert seen == {
        "tenant": {"name": "Acme & Sons", "slug": case.tenant.slug},
        "activity": {
            "edges": [
                {
                    "node": {
                        "__typename": "TenantRenamed",
                        "previousName": previous,
                        "name": "Acme & Sons",
                    }
                }
            ]
        },
    }
    assert await case.check() == (200, "")
    with pytest.raises(InvalidInput):
        await tenants.rename(_OPERATOR, case.tenant.slug, "x" * 101)


async def test_only_a_tenant_that_is_there_and_whole_is_resumed(case: Case) -> None:
    for change in (tenants.suspend, tenants.resume):
        with pytest.raises(NotFound):
            await change(_OPERATOR, "nobody")
    await tenants.suspend(_OPERATOR, case.tenant.slug)
    await models.Tenant.filter(id=case.tenant.id).update(deletion_began_at=models.now())
    with pytest.raises(DeletionUnderWay):
        await tenants.resume(_OPERATOR, case.tenant.slug)
