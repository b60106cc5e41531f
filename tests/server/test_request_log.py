"""The log line of a request: who asked for which operation, by ids and names of the schema."""

import logging
from typing import Any
from uuid import UUID

import pytest

from server.access.principal import Operator
from server.global_ids import encode_id
from server.operations import introspection_clients
from tests.support.factories import Client, World

WHO = ("tenant", "admin", "token", "gateway", "operation")


def told(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """The fields of the last request's line that tell who and what."""
    line = [record for record in caplog.records if record.name == "tessera.http"][-1]
    return {name: getattr(line, name) for name in WHO if hasattr(line, name)}


async def test_line_names_who_did_what(
    world: World, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tessera.http")
    person = await world.person()
    who = {
        "tenant": encode_id("Tenant", person.admin.tenant_id),
        "admin": encode_id("Admin", person.admin.id),
    }
    signed_in = client.of(person)
    # Names that a client chooses are not logged, nor selections below the fields.
    await signed_in.graphql(
        'mutation Canary { canary: createToken(input: {name: "canary"}) { __typename } }'
    )
    assert told(caplog) == {**who, "operation": "mutation createToken"}
    await signed_in.graphql("{ a: viewer { id } b: viewer { name } tenant { id } }")
    assert told(caplog) == {**who, "operation": "query viewer, tenant"}
    await signed_in.graphql("{ canary }")
    assert told(caplog) == who
    assert "canary" not in caplog.text.lower()
    await client.http.get("/session")
    assert told(caplog) == {}


async def test_line_names_holders_and_gateways(
    world: World, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tessera.http")
    person = await world.person()
    made = await world.token(person)
    token, secret = made.token, made.secret
    await client.http.get("/token", headers={"Authorization": f"Bearer {secret}"})
    assert told(caplog) == {
        "tenant": encode_id("Tenant", person.admin.tenant_id),
        "token": encode_id("Token", token.id),
    }
    gateway = await introspection_clients.create(Operator(), world.service, name="orders")
    headers = {"Authorization": f"Bearer {gateway.secret}"}
    await client.http.post("/introspect", data={"token": secret}, headers=headers)
    assert UUID(told(caplog)["gateway"])
    assert secret not in caplog.text
