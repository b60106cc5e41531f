"""Switches of tokens: every field that may change what a token is allowed, read from the schema.

Here too: a tenant's token between a real gateway and `/introspect`, to ask both about it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from graphql import GraphQLInputObjectType, GraphQLObjectType, GraphQLSchema, get_named_type

import models
from models import Role
from server.access.principal import Operator
from server.catalogue import read_catalogue
from server.operations import introspection_clients
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Person, World
from tests.support.process import ServerProcess
from tests.support.proxies import Answer, Proxy, Upstream, proxy
from tests.support.waiting import wait_until

HELD, OTHER = "GET /api/v1/devices", "GET /api/v1/blueprints"
ALLOWED, ACTIVE, INACTIVE = "ALLOWED", "active", "inactive"
# Their fields are shown on a page of a token or of the tenant's policy.
_SHOWN = ("Token", "Rotation", "Trial", "TokenPolicy")
# These name a token, and the state of it that the change is meant for.
_OF_EVERY_CHANGE = {"tokenId", "ifRevision"}


def switches(schema: GraphQLSchema) -> set[str]:
    """The fields of tokens and policies, and the inputs of the mutations that change a token.

    A mutation without an input of its own counts by its name.
    """
    shown = (schema.type_map.get(name) for name in _SHOWN)
    found = {
        f"{kind.name}.{name}"
        for kind in shown
        if isinstance(kind, GraphQLObjectType)
        for name in kind.fields
    }
    assert schema.mutation_type
    for name, mutation in schema.mutation_type.fields.items():
        if not mutation.args:  # it concerns no token
            continue
        given = get_named_type(mutation.args["input"].type)
        payload = schema.type_map[f"{name[0].upper()}{name[1:]}Payload"]
        assert isinstance(given, GraphQLInputObjectType)
        assert isinstance(payload, GraphQLObjectType)
        if any("token" in word.lower() for word in (name, *payload.fields)):
            inputs = given.fields.keys() - _OF_EVERY_CHANGE
            found |= {f"{name}.{one}" for one in inputs} or {name}
    return found


@dataclass
class Place:
    """A gateway before a server, and the people who set the switches."""

    proxy: Proxy
    http: httpx2.Client
    credential: str
    # Owners and hosts: of a tenant with nothing set, and by the column that is set.
    tenants: dict[str, tuple[Person, str]]
    leavers: list[Person]
    # All answers of either surface, of a row of the table.
    at_gateway: set[str] = field(default_factory=set)
    at_introspection: set[str] = field(default_factory=set)

    def holder(self, tenant: str = "", **given: Any) -> "Holder":
        """The holder of a new token that may call `HELD`, unless other permissions are given."""
        person, host = self.tenants[tenant]
        made = Holder(self, person, host)
        created = made.mutate("createToken", **{"name": "t", "permissions": [HELD]} | given)
        return replace(made, id=created["token"]["id"], secret=created["secret"])


@dataclass(frozen=True)
class Holder:
    """The holder of a token's secret, who is answered by a gateway and by `/introspect`."""

    place: Place
    person: Person
    host: str
    id: str = ""
    secret: str = ""

    def change(self, name: str, /, **given: Any) -> dict[str, Any]:
        """A mutation of this token."""
        return self.mutate(name, tokenId=self.id, **given)

    def rotate(self, **given: Any) -> str:
        """The new secret."""
        return str(self.change("rotateToken", **given)["secret"])

    def mutate(self, name: str, /, **given: Any) -> dict[str, Any]:
        """The payload of a mutation that must succeed."""
        kind = f"{name[0].upper()}{name[1:]}"
        told = {
            "revokeTokens": "revokedTokenCount",
            "removeAdmin": "revokedTokenCount",
            "setTokenPolicy": "tokenPolicy { revision }",
        }
        secret = "secret" if name in ("createToken", "rotateToken") else ""
        chosen = told.get(name, f"token {{ id }} {secret}")
        query = f"mutation($i: {kind}Input!) {{ {name}(input: $i) {{ __typename "
        query += f"... on {kind}Payload {{ {chosen} }} }} }}"
        payload: dict[str, Any] = self.ask(query, {"i": given})[name]
        assert payload["__typename"] == f"{kind}Payload", payload
        return payload

    def token(self, fields: str) -> dict[str, Any]:
        """These fields of the token."""
        shown = self.ask(f'{{ token(id: "{self.id}") {{ {fields} }} }}', {})
        found: dict[str, Any] = shown["token"]
        return found

    def ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.person.session}"}
        body = {"query": query, "variables": variables}
        answer = self.place.http.post("/graphql", json=body, headers=headers).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def sees(
        self, wire: str, introspected: str, state: str = "ACTIVE", secret: str | None = None
    ) -> None:
        """Asserts what both surfaces answer now, and the state that a page shows.

        wire: the code of the gateway's refusal, or `ALLOWED`.
        """
        found = self.through_gateway(secret), self.introspected(secret)
        assert (*found, self.token("state")["state"]) == (wire, introspected, state)

    def through_gateway(self, secret: str | None = None, target: str = "/api/v1/devices") -> str:
        answer = self.answer(secret, target)
        code = ALLOWED if answer.status == 200 else str(answer.json()["code"])
        self.place.at_gateway.add(code)
        return code

    def answer(self, secret: str | None = None, target: str = "/api/v1/devices") -> Answer:
        return self.place.proxy.ask(self.host, secret or self.secret, "GET", target)

    def introspected(self, secret: str | None = None) -> str:
        found = ACTIVE if self.description(secret)["active"] else INACTIVE
        self.place.at_introspection.add(found)
        return found

    def description(self, secret: str | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.place.credential}"}
        form = {"token": secret or self.secret}
        answer = self.place.http.post("/introspect", data=form, headers=headers)
        assert answer.status_code == 200, answer.text
        described: dict[str, Any] = answer.json()
        return described

    def wait_for(self, code: str, secret: str | None = None) -> None:
        """Wait until the gateway answers so."""
        wait_until(lambda: self.through_gateway(secret) == code)


def soon(seconds: float = 4) -> str:
    """An instant as GraphQL takes it: late enough to ask some questions before."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


@contextmanager
def place(folder: Path, url: str) -> Iterator[Place]:
    """A running server on an empty database, and nginx before it."""
    made = asyncio.run(_make_rows(url))
    with (
        Upstream(read_catalogue(None)) as upstream,
        ServerProcess(folder, database_url=url) as server,
        proxy("nginx", folder, server.port, upstream.port) as gate,
        httpx2.Client(base_url=server.url, timeout=20) as http,
    ):
        yield Place(gate, http, **made)


async def _make_rows(url: str) -> dict[str, Any]:
    """A tenant with admins who will leave, and a tenant for each column that binds its tokens."""
    set_columns: dict[str, dict[str, Any]] = {
        "": {},
        "policy": {},
        "requestsPerHour": {"requests_per_hour": 1},
    }
    async with running_service(settings_for(url)) as service:
        world, tenants = World(service), {}
        for name, columns in set_columns.items():
            owner = await world.person()
            rows = models.Tenant.filter(id=owner.admin.tenant_id)
            await rows.update(**columns or {"requests_per_hour": None})
            tenants[name] = owner, f"{(await rows.get()).slug}.api.us.example.com"
        tenant = await models.Tenant.get(id=tenants[""][0].admin.tenant_id)
        credential = await introspection_clients.create(Operator(), service, "switches")
        leavers = [await world.person(tenant, Role.ADMIN) for _ in range(2)]
        return {"credential": credential.secret, "tenants": tenants, "leavers": leavers}
