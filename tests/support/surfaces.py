"""One tenant and a request to every surface, for tests of outages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

import models
from server.access.principal import Operator
from server.app import App, create_app
from server.operations import introspection_clients, tokens
from server.service import Service
from tests.support.factories import Client, Person, World

PERMISSION = "GET /api/v1/devices"


@dataclass(frozen=True)
class Surfaces:
    """Each method sends one request, which succeeds while the database works."""

    app: App
    client: Client
    person: Person
    tenant: models.Tenant
    token: models.Token
    secret: str
    credential: str

    async def check(self, secret: str | None = None) -> httpx2.Response:
        headers = {
            "Host": f"{self.tenant.slug}.api.us.example.com",
            "X-Original-Method": "GET",
            "X-Original-URI": "/api/v1/devices",
            "Authorization": f"Bearer {secret or self.secret}",
        }
        return await self.client.http.get("/authorize", headers=headers)

    async def introspect(self) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.credential}"}
        form = {"token": self.secret}
        return await self.client.http.post("/introspect", data=form, headers=headers)

    async def own_token(self) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.secret}"}
        return await self.client.http.get("/token", headers=headers)

    async def report(self) -> httpx2.Response:
        return await self.client.http.post("/revoke", json={"credentials": ["x"]})

    async def viewer(self) -> httpx2.Response:
        return await self.client.graphql("{ viewer { id } tokens { edges { node { name } } } }")

    async def create(self) -> httpx2.Response:
        return await self.client.graphql(
            'mutation { createToken(input: {name: "n"}) { __typename } }'
        )

    async def sign_in(self, password: str) -> httpx2.Response:
        account = {"tenant": self.tenant.slug, "email": self.person.admin.email}
        return await self.client.http.post("/session", json=account | {"password": password})

    async def who_am_i(self) -> httpx2.Response:
        return await self.client.http.get("/session", headers=self.client.headers)

    async def ready(self) -> httpx2.Response:
        return await self.client.http.get("/readyz")


@asynccontextmanager
async def surfaces(service: Service) -> AsyncIterator[Surfaces]:
    """The application on `service`, with a new tenant, a signed-in admin and a token."""
    person = await World(service).person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    made = await tokens.create(person.principal, service, name="t", permissions=[PERMISSION])
    credential = await introspection_clients.create(Operator(), service, f"gateway-{tenant.slug}")
    app = create_app(service)
    # From the address of a configured gateway.
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
        client = Client(http).of(person)
        yield Surfaces(app, client, person, tenant, made.token, made.secret, credential.secret)
    await app.close()
