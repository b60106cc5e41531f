"""`/introspect` (RFC 7662) describes live tokens and calls everything else inactive."""

from base64 import b64encode
from collections.abc import AsyncIterator

import httpx2
import pytest

from server.access.principal import Operator
from server.app import create_app
from server.errors import InvalidInput, NotFound
from server.global_ids import encode_id
from server.operations import introspection_clients, tokens
from server.service import Service
from tests.support.factories import World

HELD = "GET /api/v1/devices"


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=create_app(service))
    async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as it:
        yield it


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{name}:{secret}'.encode()).decode()}"}


async def test_live_token_is_described(http: httpx2.AsyncClient, world: World) -> None:
    person = await world.person()
    made = await tokens.create(person.principal, world.service, name="t", permissions=[HELD])
    client = await introspection_clients.create(Operator(), world.service, "orders")
    for credential in (
        basic("orders", client.secret),
        {"Authorization": basic("orders", client.secret)["Authorization"].replace(" ", "  ")},
        {"Authorization": f"Bearer {client.secret}"},
        {"Authorization": f"bearer   {client.secret}"},
    ):
        answer = await http.post("/introspect", data={"token": made.secret}, headers=credential)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        described = answer.json()
        assert described.pop("tenant").startswith("tenant-")
        assert described == {
            "active": True,
            "token_type": "Bearer",
            "sub": encode_id("Token", made.token.id),
            "iat": int(made.token.created_at.timestamp()),
            "permissions": [HELD],
        }


async def test_everything_else_is_inactive_without_details(
    http: httpx2.AsyncClient, world: World
) -> None:
    person = await world.person()
    revoked = await tokens.create(person.principal, world.service, name="t")
    await tokens.revoke(person.principal, revoked.token.id)
    client = await introspection_clients.create(Operator(), world.service, "orders")
    others = (revoked.secret, "", "x", "tsr_" + "0" * 49, person.session, client.secret, "\0é")
    for secret in others:
        answer = await http.post(
            "/introspect", data={"token": secret}, headers=basic("orders", client.secret)
        )
        assert (answer.status_code, answer.content) == (200, b'{"active":false}'), secret


async def test_only_introspection_clients_may_ask(http: httpx2.AsyncClient, world: World) -> None:
    person = await world.person()
    made = await tokens.create(person.principal, world.service, name="t")
    client = await introspection_clients.create(Operator(), world.service, "orders")
    strangers = [
        {},
        basic("orders", "wrong"),
        basic("other", client.secret),
        basic("orders\0", client.secret),
        {"Authorization": f"Bearer {person.session}"},
        {"Authorization": f"Bearer {made.secret}"},
        {"Authorization": "Basic é"},
        {"Authorization": "Basic ===="},
        {"Authorization": f"Digest {client.secret}"},
    ]
    for headers in strangers:
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        answer = await http.post("/introspect", data={"token": made.secret}, headers=raw)
        assert answer.status_code == 401, headers
        assert answer.headers["www-authenticate"].startswith("Basic")
    twice = list(basic("orders", client.secret).items()) * 2
    answer = await http.post("/introspect", data={"token": made.secret}, headers=twice)
    assert answer.status_code == 401
    await introspection_clients.revoke(Operator(), "orders")
    answer = await http.post(
        "/introspect", data={"token": made.secret}, headers=basic("orders", client.secret)
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/x-www-form-urlencoded", 400),
        (b"token=a&token=b", "application/x-www-form-urlencoded", 400),
        (b"token_type_hint=x", "application/x-www-form-urlencoded", 400),
        (b"token=%ff", "application/x-www-form-urlencoded", 400),
        (b"token=\xff", "application/x-www-form-urlencoded", 400),
        (b"&" * 60_000, "application/x-www-form-urlencoded", 400),
        (b"token=" + b"a" * 70_000, "application/x-www-form-urlencoded", 413),
        (b'{"token": "x"}', "application/json", 415),
    ],
)
async def test_body_that_is_no_form_is_refused(
    http: httpx2.AsyncClient, service: Service, content: bytes, kind: str, status: int
) -> None:
    client = await introspection_clients.create(Operator(), service, "orders")
    headers = {**basic("orders", client.secret), "Content-Type": kind}
    answer = await http.post("/introspect", content=content, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_introspection_clients_are_created_listed_and_revoked_by_name(
    service: Service,
) -> None:
    operator = Operator()
    await introspection_clients.create(operator, service, "orders")
    for name in ("orders", "Not a name", ""):
        with pytest.raises(InvalidInput):
            await introspection_clients.create(operator, service, name)
    await introspection_clients.revoke(operator, "orders")
    for name in ("orders", "unknown"):
        with pytest.raises(NotFound):
            await introspection_clients.revoke(operator, name)
    # A revoked name stays taken, so that old logs remain unambiguous.
    with pytest.raises(InvalidInput):
        await introspection_clients.create(operator, service, "orders")
    assert [(g.name, bool(g.revoked_at)) for g in await introspection_clients.every(operator)] == [
        ("orders", True)
    ]
