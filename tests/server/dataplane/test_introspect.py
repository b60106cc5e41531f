"""`/introspect` (RFC 7662) describes live tokens and calls everything else inactive."""

from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

import models
from models import RotationPart
from server.access.principal import Operator
from server.app import create_app
from server.conditions import Conditions
from server.database import database_now
from server.decisions import pick_ups
from server.decisions.rotation_requests import RotationRequest
from server.errors import InvalidInput, NotFound
from server.global_ids import encode_id
from server.operations import conditions, introspection_clients, rotation, tokens
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


async def described(http: httpx2.AsyncClient, world: World, *secrets: str) -> list[dict[str, Any]]:
    """The answers about these secrets."""
    name = f"asks-{models.new_id()}"
    client = await introspection_clients.create(Operator(), world.service, name)
    forms = [{"token": secret} for secret in secrets]
    headers = basic(name, client.secret)
    return [(await http.post("/introspect", data=one, headers=headers)).json() for one in forms]


async def in_seconds(seconds: int, milliseconds: int) -> datetime:
    """An instant with these milliseconds."""
    at = await database_now() + timedelta(seconds=seconds)
    return at.replace(microsecond=milliseconds * 1000)


def second_of(at: datetime) -> int:
    return int(at.replace(microsecond=0).timestamp())


async def test_expiry_is_told_in_whole_seconds_and_never_late(
    http: httpx2.AsyncClient, world: World
) -> None:
    person = await world.person()
    expires_at = await in_seconds(3600, 999)
    made = await world.token(person, conditions=Conditions(expires_at))
    [answer] = await described(http, world, made.secret)
    assert answer["exp"] == second_of(expires_at)
    sooner = await in_seconds(60, 1)
    await conditions.set_expiry(person.principal, made.token.id, sooner)
    [answer] = await described(http, world, made.secret)
    assert answer["exp"] == second_of(sooner)
    await conditions.set_expiry(person.principal, made.token.id, None)
    [answer] = await described(http, world, made.secret)
    assert answer["active"]
    assert "exp" not in answer


async def test_expired_token_tells_no_expiry(http: httpx2.AsyncClient, world: World) -> None:
    person = await world.person()
    made = await tokens.create(person.principal, world.service, name="t")
    past = await database_now() - timedelta(seconds=5)
    secrets = models.TokenSecret.filter(tenant_id=made.token.tenant_id)
    assert await secrets.update(expires_at=past) == 1
    assert await described(http, world, made.secret) == [{"active": False}]


@pytest.mark.parametrize("expires_in", [None, 30, 90])
async def test_old_secret_of_a_rotation_ends_at_the_earlier_instant(
    http: httpx2.AsyncClient, world: World, expires_in: int | None
) -> None:
    person, service = await world.person(), world.service
    expires_at = None if expires_in is None else await in_seconds(expires_in, 500)
    latest_by = await in_seconds(60, 500)
    old = await world.token(person, conditions=Conditions(expires_at))
    new = await rotation.rotate(
        person.principal, service, old.token.id, RotationRequest(latest_by=latest_by)
    )
    ends = [second_of(at) for at in (expires_at, latest_by) if at]
    answers = await described(http, world, old.secret, new.secret)
    assert answers[0]["exp"] == min(ends)
    assert answers[1].get("exp") == (second_of(expires_at) if expires_at else None)
    await rotation.end_rotation(person.principal, old.token.id, RotationPart.OLD)
    [answer] = await described(http, world, old.secret)
    assert answer.get("exp") == (second_of(expires_at) if expires_at else None)


async def test_old_secret_ends_after_the_drain(http: httpx2.AsyncClient, world: World) -> None:
    person, service = await world.person(), world.service
    old = await tokens.create(person.principal, service, name="t")
    new = await rotation.rotate(
        person.principal, service, old.token.id, RotationRequest(drain_seconds=300)
    )
    [answer] = await described(http, world, old.secret)
    assert "exp" not in answer
    digests = service.digest_key.digests("token", new.secret)
    ids = str(old.token.tenant_id), str(old.token.id)
    await pick_ups._record(pick_ups._PickUp(*ids, digests, "192.0.2.1"))
    row = await models.TokenRotation.get(tenant_id=old.token.tenant_id, id=old.token.id)
    assert row.old_secret_ends_at
    answers = await described(http, world, old.secret, new.secret)
    assert answers[0]["exp"] == second_of(row.old_secret_ends_at)
    assert "exp" not in answers[1]


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
