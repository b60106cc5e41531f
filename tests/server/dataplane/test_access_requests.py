"""From refusal to grant: a holder asks at `/token/requests`, and admins decide."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

import models
from models import AccessRequestState, ActivityKind, Role
from server.app import create_app
from server.errors import InvalidInput, NotFound
from server.jobs import retention
from server.jobs.kept import KINDS
from server.operations import access_requests as operations
from server.operations import activity, tokens
from server.paging import PageRequest
from server.token_format import new_token_secret
from tests.support.factories import Client, Person, World, token_id
from tests.support.gateways import gateway

_ALL = PageRequest(100)
_HELD, _WANTED = "GET /api/v1/tags", "GET /api/v1/devices/{device_id}"
_CONSOLE = "https://intranet.example.com/tessera"


@dataclass
class Case:
    """A token without the wanted permission, its holder, and an admin."""

    client: Client
    world: World
    person: Person
    token: models.Token
    secret: str

    async def ask(self, secret: str | None = None, **body: Any) -> httpx2.Response:
        asked = {"permission": _WANTED, "reason": "The nightly sync needs it."} | body
        return await self.client.http.post("/token/requests", json=asked, headers=self._by(secret))

    async def told(self) -> list[dict[str, Any]]:
        response = await self.client.http.get("/token/requests", headers=self._by(None))
        assert response.status_code == 200
        told: list[dict[str, Any]] = response.json()["requests"]
        return told

    def _by(self, secret: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {secret or self.secret}"}

    async def latest(self) -> models.AccessRequest:
        requests = models.AccessRequest.filter(tenant_id=self.token.tenant_id)
        return (await requests.order_by("-id"))[0]

    async def kinds(self) -> list[ActivityKind]:
        rows = (await activity.of_token(self.person.principal, self.token.id, _ALL)).rows
        return [row.kind for row in rows]


@pytest.fixture
async def case(client: Client, world: World) -> Case:
    person = await world.person()
    made = await world.token(person, "sync", [_HELD])
    return Case(client, world, person, made.token, made.secret)


async def test_a_holder_asks_and_an_admin_grants(case: Case) -> None:
    asked = await case.ask(reason="  The nightly sync\r\nneeds it. ")
    assert asked.status_code == 201
    assert asked.headers["cache-control"] == "no-store"
    assert asked.json() | {"requestedAt": ""} == {
        "permission": _WANTED, "reason": "The nightly sync\nneeds it.", "state": "OPEN",
        "requestedAt": "", "decidedAt": None, "declineReason": None,
    }  # fmt: skip
    # The answer may have been lost: the same request again, also under another parameter's name.
    again = await case.ask(permission="GET /api/v1/devices/{id}", reason="Again")
    assert (again.status_code, again.json()) == (200, asked.json())
    person = case.client.of(case.person)
    await _denied(case, _WANTED, 3)
    query = """{ openAccessRequestCount accessRequests(state: OPEN) { edges { node { id reason
        requestedFrom recentRefusalCount decidedBy { name } permission { key } token { name }
        } } } }"""
    data = await person.data(query)
    [edge] = data["accessRequests"]["edges"]
    request_id = edge["node"].pop("id")
    assert data["openAccessRequestCount"] == 1
    assert edge["node"] == {
        "reason": "The nightly sync\nneeds it.", "requestedFrom": "127.0.0.1",
        "recentRefusalCount": 3, "decidedBy": None, "permission": {"key": _WANTED},
        "token": {"name": "sync"},
    }  # fmt: skip
    granted = await person.mutate(
        "grantAccessRequest",
        "... on GrantAccessRequestPayload { accessRequest { state decidedBy { name }"
        " token { permissions { key } } } }",
        requestId=request_id,
    )
    assert granted["accessRequest"] == {
        "state": "GRANTED", "decidedBy": {"name": case.person.admin.name},
        "token": {"permissions": [{"key": _WANTED}, {"key": _HELD}]},
    }  # fmt: skip
    assert [one["state"] for one in await case.told()] == ["GRANTED"]
    assert (await case.kinds())[:3] == [
        ActivityKind.ACCESS_GRANTED,
        ActivityKind.PERMISSIONS_EDITED,
        ActivityKind.ACCESS_REQUESTED,
    ]
    twice = await person.mutate("grantAccessRequest", requestId=request_id)
    assert twice["code"] == "INVALID_INPUT"
    assert (await case.ask()).json()["field"] == "permission"


async def _denied(case: Case, key: str, times: int) -> None:
    at = models.now()
    await models.TokenUse.create(
        tenant_id=case.token.tenant_id, token_id=case.token.id, key=key, day=at.date(), allowed=0,
        denied=times, first_used_at=at, last_used_at=at,
    )  # fmt: skip


async def test_a_declined_holder_reads_why_and_may_ask_again(case: Case) -> None:
    await case.ask()
    person = case.client.of(case.person)
    request_id = (await person.data("{ accessRequests { edges { node { id } } } }"))[
        "accessRequests"
    ]["edges"][0]["node"]["id"]
    declined = await person.mutate(
        "declineAccessRequest",
        "... on DeclineAccessRequestPayload { accessRequest { state declineReason } }",
        requestId=request_id,
        reason=" Use the export instead. ",
    )
    assert declined["accessRequest"] == {
        "state": "DECLINED", "declineReason": "Use the export instead.",
    }  # fmt: skip
    [told] = await case.told()
    assert (told["state"], told["declineReason"]) == ("DECLINED", "Use the export instead.")
    assert told["decidedAt"]
    assert [row.key for row in await models.TokenPermission.filter(token_id=case.token.id)] == [
        _HELD
    ]
    with pytest.raises(InvalidInput):
        await tokens.grant_requested(
            case.person.principal, case.world.service, (await case.latest()).id
        )
    assert (await case.ask()).status_code == 201
    assert [one["state"] for one in await case.told()] == ["OPEN", "DECLINED"]


async def test_open_requests_close_with_the_grant_and_end_with_the_token(case: Case) -> None:
    """However the permission is granted, the request ends."""
    other = "GET /api/v1/blueprints"
    for key in (_WANTED, other):
        assert (await case.ask(permission=key)).status_code == 201
    principal, service = case.person.principal, case.world.service
    await tokens.edit_permissions(principal, service, case.token.id, grant=[_WANTED])
    assert [one["state"] for one in await case.told()] == ["OPEN", "GRANTED"]
    waiting = await case.latest()
    await tokens.revoke(principal, case.token.id)
    assert (await case.latest()).state is AccessRequestState.ENDED
    for decide in (
        operations.decline(principal, waiting.id, "Too late"),
        tokens.grant_requested(principal, service, waiting.id),
    ):
        with pytest.raises(NotFound):
            await decide
    assert await operations.count_open(principal) == 0
    assert (await case.ask()).json()["code"] == "TOKEN_REVOKED"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"permission": _HELD}, "permission"),
        ({"permission": "GET /api/v1/nowhere"}, "permission"),
        ({"permission": "GET /" + "x" * 1_000}, "permission"),
        ({"permission": 3}, "permission"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "a\0b"}, "reason"),
        ({"reason": None}, "reason"),
        ({"reason": f"My token is {new_token_secret('tsr')}."}, "reason"),
    ],
)
async def test_bad_request_is_refused_by_its_member(
    case: Case, body: dict[str, Any], field: str
) -> None:
    refused = await case.ask(**body)
    assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert not await models.AccessRequest.exists()


async def test_ten_a_day_are_taken_and_five_hundred_characters(case: Case) -> None:
    keys = [one.key for one in case.world.service.catalogue.permissions if one.key != _HELD]
    for key in keys[:10]:
        assert (await case.ask(permission=key, reason="ä" * 500)).status_code == 201
    refused = await case.ask(permission=keys[10])
    assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_ACCESS_REQUESTS")
    assert 86_000 < int(refused.headers["retry-after"]) <= 86_401
    # One that is open is told, and not counted.
    assert (await case.ask(permission=keys[0])).status_code == 200
    yesterday = models.now() - timedelta(days=1, seconds=1)
    first = (await models.AccessRequest.all().order_by("id"))[0]
    await models.AccessRequest.filter(id=first.id).update(created_at=yesterday)
    assert (await case.ask(permission=keys[10])).status_code == 201


async def test_a_stranger_asks_nothing(case: Case) -> None:
    unknown = await case.ask(new_token_secret("tsr"))
    malformed = await case.ask("tsr_nothing")
    for answer in (unknown, malformed):
        assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_TOKEN")
    assert unknown.content == malformed.content
    nobody = await case.client.http.post("/token/requests", json={})
    assert nobody.json()["code"] == "UNAUTHENTICATED"
    elsewhere = await case.world.person()
    await case.ask()
    waiting = (await case.latest()).id
    for decide in (
        operations.decline(elsewhere.principal, waiting, "No"),
        tokens.grant_requested(elsewhere.principal, case.world.service, waiting),
    ):
        with pytest.raises(NotFound):
            await decide
    assert await operations.count_open(elsewhere.principal) == 0
    assert (await case.latest()).state is AccessRequestState.OPEN


async def test_old_decided_requests_are_deleted(case: Case) -> None:
    for key in (_WANTED, "GET /api/v1/blueprints"):
        await case.ask(permission=key)
    [old, waiting] = await models.AccessRequest.all().order_by("id")
    long_ago = models.now() - timedelta(days=401)
    await models.AccessRequest.filter(id=old.id).update(
        state=AccessRequestState.DECLINED, decided_at=long_ago
    )
    await models.AccessRequest.filter(id=waiting.id).update(created_at=long_ago)
    async for _ in retention.delete_old(KINDS, case.world.service.settings):
        pass
    assert [row.id for row in await models.AccessRequest.all()] == [waiting.id]


async def test_refusal_links_to_where_it_is_granted(case: Case) -> None:
    service = case.world.service
    tenant = await models.Tenant.get(id=case.token.tenant_id)
    host = f"{tenant.slug}.api.us.example.com"
    for public_url in (None, _CONSOLE):
        settings = replace(service.settings, public_url=public_url)
        app = create_app(replace(service, settings=settings))
        asked = gateway(app)
        async with asked.http:
            for target in ("/api/v1/devices/7", "/api/v1/nowhere"):
                answer = await asked.ask(case.secret, host=host, target=target)
                body = answer.json()
                assert answer.status_code == 403
                if public_url is None or target.endswith("nowhere"):
                    assert "requestUrl" not in body
                    continue
                link = urlsplit(body["requestUrl"])
                assert f"{link.scheme}://{link.netloc}{link.path}" == f"{_CONSOLE}/requests"
                assert parse_qs(link.query) == {
                    "token": [token_id(case.token)],
                    "permission": [_WANTED],
                }
        await app.close()


async def test_auditors_see_and_do_not_decide(case: Case) -> None:
    tenant = await models.Tenant.get(id=case.token.tenant_id)
    auditor = await case.world.person(tenant, Role.AUDITOR)
    await case.ask()
    shown = await case.client.of(auditor).data(
        "query ($id: ID!) { token(id: $id)"
        " { accessRequests(first: 1) { edges { node { state } } } } }",
        id=token_id(case.token),
    )
    assert shown["token"]["accessRequests"]["edges"] == [{"node": {"state": "OPEN"}}]
