"""`/token`: the holder of a secret sees the token and ends it, and is refused as on the wire."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import httpx2
import pytest

import models
from server.app import App, create_app
from server.conditions import Conditions
from server.dataplane import holder
from server.decisions.holders import digests_of, find_holder
from server.errors import NotFound
from server.operations import activity, conditions, tokens
from server.operations import holder as holder_operations
from server.paging import PageRequest
from server.service import Service
from server.token_format import new_token_secret
from tests.support.factories import Client, Person, World, token_id
from tests.support.gateways import Gateway, gateway

KEY = "GET /api/v1/devices"
HERE = "203.0.113.7"
_LATEST, _ALL = PageRequest(1), PageRequest(9)


@dataclass
class Case:
    """A token that holds one permission, its owner, and its holder at `HERE`."""

    app: App
    http: httpx2.AsyncClient
    service: Service
    person: Person
    tenant: models.Tenant
    token: models.Token
    secret: str

    async def ask(self, method: str = "GET", secret: str | None = None) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {secret or self.secret}", "User-Agent": "probe/1"}
        return await self.http.request(method, "/token", headers=headers)

    async def check(self, secret: str | None = None) -> httpx2.Response:
        """The same secret at `/authorize`, from the same address."""
        asked = Gateway(gateway(self.app).http)
        async with asked.http:
            return await asked.ask(
                secret or self.secret,
                host=f"{self.tenant.slug}.api.us.example.com",
                headers={"X-Forwarded-For": HERE},
            )


def at(app: App, address: str) -> httpx2.AsyncClient:
    transport: Any = httpx2.ASGITransport(app=app, client=(address, 40000))
    return httpx2.AsyncClient(transport=transport, base_url="http://tessera.test")


@pytest.fixture
async def case(service: Service, world: World) -> AsyncIterator[Case]:
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    made = await tokens.create(person.principal, service, name="nightly", permissions=[KEY])
    app = create_app(service)
    async with at(app, HERE) as http:
        yield Case(app, http, service, person, tenant, made.token, made.secret)
    await app.close()


async def test_holder_sees_the_token(case: Case) -> None:
    answer = await case.ask()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "id": token_id(case.token),
        "name": "nightly",
        "tenant": case.tenant.slug,
        "state": "ACTIVE",
        "permissions": [KEY],
        "expiresAt": None,
        "networks": [],
        "requestsPerHour": None,
        "holderMayRotate": False,
        "rotation": None,
    }
    assert case.secret not in answer.text


async def test_conditions_are_shown(case: Case, world: World) -> None:
    end = models.now() + timedelta(days=1)
    made = await world.token(
        case.person,
        conditions=Conditions(
            expires_at=end,
            networks=["203.0.113.0/24"],
            requests_per_hour=7,
            holder_may_rotate=True,
        ),
    )
    shown = (await case.ask(secret=made.secret)).json()
    cut = end.replace(microsecond=end.microsecond // 1000 * 1000)
    assert {name: shown[name] for name in shown if name not in {"id", "name", "tenant"}} == {
        "state": "ACTIVE",
        "permissions": [],
        "expiresAt": cut.isoformat().replace("+00:00", "Z"),
        "networks": ["203.0.113.0/24"],
        "requestsPerHour": 7,
        "holderMayRotate": True,
        "rotation": None,
    }


async def rotated(case: Case, secret: str, **wish: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {secret}"}
    if not wish:
        return await case.http.post("/token/rotate", headers=headers)
    return await case.http.post("/token/rotate", headers=headers, json=wish)


async def test_holder_rotates_where_an_admin_allows_it(case: Case, world: World) -> None:
    refused = await rotated(case, case.secret)
    assert (refused.status_code, refused.json()["code"]) == (403, "ROTATION_NOT_ALLOWED")
    made = await world.token(
        case.person, "own", [KEY], conditions=Conditions(holder_may_rotate=True)
    )
    answer = await rotated(case, made.secret, idempotencyKey="k", drainSeconds=0)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    lost = answer.json()["secret"]
    # The answer was lost: the retry replaces the secret, which has no holder.
    secret = (await rotated(case, made.secret, idempotencyKey="k", drainSeconds=0)).json()["secret"]
    assert secret not in {lost, made.secret}
    another = await rotated(case, made.secret)
    assert (another.status_code, another.json()["code"]) == (409, "ROTATION_UNDER_WAY")
    shown = (await case.ask(secret=made.secret)).json()["rotation"]
    assert (shown["state"], shown["oldSecretEndsAt"]) == ("PENDING", None)
    assert shown["newHint"][:-1] == secret[: len(shown["newHint"]) - 1]
    # Asking at this door is no use at the gateway: the old secret lives on.
    assert (await case.ask(secret=secret)).status_code == 200
    assert (await case.check(made.secret)).status_code == 200
    assert (await case.check(secret)).status_code == 200
    await until_refused(case, made.secret)
    late = await rotated(case, secret, idempotencyKey="k", drainSeconds=0)
    assert (late.status_code, late.json()["code"]) == (409, "SECRET_ALREADY_SHOWN")
    kinds = models.Activity.filter(tenant_id=case.tenant.id, subject_id=made.token.id)
    starters = {row.actor_id for row in await kinds.filter(kind="ROTATION_STARTED")}
    assert starters == {made.token.id}


async def until_refused(case: Case, secret: str) -> None:
    """The pick-up is written in the background."""
    for _ in range(1_000):
        answer = await case.check(secret)
        if answer.headers.get("x-tessera-code") == "SECRET_RETIRED":
            return
        await asyncio.sleep(0.05)
    pytest.fail("the old secret lives on")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"[", 400, "BAD_JSON"),
        (b"[]", 400, "BAD_JSON"),
        (b'{"latestBy": "2031-01-01T00:00:00Z"}', 400, "BAD_JSON"),
        (b'{"idempotencyKey": 3}', 422, "INVALID_INPUT"),
        (b'{"idempotencyKey": ""}', 422, "INVALID_INPUT"),
        (b'{"drainSeconds": "1"}', 422, "INVALID_INPUT"),
        (b'{"drainSeconds": true}', 422, "INVALID_INPUT"),
        (b'{"drainSeconds": -1}', 422, "INVALID_INPUT"),
        (b'{"drainSeconds": 9999999999}', 422, "INVALID_INPUT"),
        (b" " * 70_000, 413, "BODY_TOO_LARGE"),
    ],
)
async def test_malformed_wish_rotates_nothing(
    case: Case, world: World, body: bytes, status: int, code: str
) -> None:
    made = await world.token(case.person, conditions=Conditions(holder_may_rotate=True))
    headers = {"Authorization": f"Bearer {made.secret}", "Content-Type": "application/json"}
    answer = await case.http.post("/token/rotate", headers=headers, content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await case.ask(secret=made.secret)).json()["rotation"] is None


async def test_holder_revokes_the_token_at_once(case: Case, client: Client) -> None:
    answer = await case.ask("DELETE")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await case.check()).headers["x-tessera-code"] == "TOKEN_REVOKED"
    again = await case.ask("DELETE")
    assert (again.status_code, again.json()["code"]) == (401, "TOKEN_REVOKED")
    of_it = f'tokenActivity(tokenId: "{token_id(case.token)}", first: 1)'
    shown = await client.of(case.person).data(
        f"{{ {of_it} {{ edges {{ node {{ __typename actor {{ id }}"
        " actorKind actorName clientAddress ... on TokenRevoked { reason foundAt } } } } }"
    )
    assert shown["tokenActivity"]["edges"] == [
        {
            "node": {
                "__typename": "TokenRevoked",
                "actor": None,
                "actorKind": "HOLDER",
                "actorName": case.token.name,
                "clientAddress": "203.0.113.7",
                "reason": "SELF",
                "foundAt": None,
            }
        }
    ]
    row = await models.Token.get(tenant_id=case.tenant.id, id=case.token.id)
    assert (row.is_live, row.revision) == (False, 2)
    assert not (await tokens.search(case.person.principal, PageRequest(9), "nightly")).rows


async def test_either_counts_as_a_use_without_an_operation(case: Case) -> None:
    await case.ask()
    await case.ask("DELETE")
    await case.ask()
    await case.app.close()
    last = await models.TokenLastUse.get(tenant_id=case.tenant.id, id=case.token.id)
    assert (last.last_used_from, last.last_used_user_agent) == (HERE, "probe/1")
    uses = await models.TokenUse.filter(tenant_id=case.tenant.id)
    assert [(use.key, use.allowed, use.denied) for use in uses] == [("", 2, 1)]
    refusals = await models.TokenRefusal.filter(tenant_id=case.tenant.id)
    assert [(one.method, one.path, one.reason.value) for one in refusals] == [
        ("GET", "", "REVOKED")
    ]


async def _pause(case: Case) -> None:
    await conditions.pause(case.person.principal, case.token.id)


async def _revoke(case: Case) -> None:
    await tokens.revoke(case.person.principal, case.token.id)


async def _expire(case: Case) -> None:
    ended = models.now() - timedelta(seconds=1)
    await models.TokenSecret.filter(token_id=case.token.id).update(expires_at=ended)


async def _retire(case: Case) -> None:
    ended = models.now() - timedelta(seconds=1)
    await models.TokenSecret.filter(token_id=case.token.id).update(retires_at=ended)


async def _leave_alone(case: Case) -> None:
    pass


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    ("event", "code"),
    [
        (_pause, "TOKEN_PAUSED"),
        (_revoke, "TOKEN_REVOKED"),
        (_expire, "TOKEN_EXPIRED"),
        (_retire, "SECRET_RETIRED"),
    ],
)
async def test_refused_secret_is_told_what_the_wire_tells(
    case: Case, event: Any, code: str, method: str
) -> None:
    await event(case)
    answer, on_the_wire = await case.ask(method), await case.check()
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.content == on_the_wire.content
    for name in ("www-authenticate", "content-type", "x-tessera-code"):
        assert answer.headers[name] == on_the_wire.headers[name]
    assert answer.headers.get_list("x-request-id")[1:] == []
    row = await models.Token.get(tenant_id=case.tenant.id, id=case.token.id)
    assert row.is_live is (code != "TOKEN_REVOKED")


async def test_everything_unknown_gets_one_answer(case: Case) -> None:
    unknown = "tsr_" + "0" * 49
    texts = (
        unknown, "x", "x" * 20_000, "é", case.secret[:-1], f"{case.secret}0", case.secret.lower(),
        case.person.session, new_token_secret("tsr"),
    )  # fmt: skip
    for method in ("GET", "DELETE"):
        bodies = set()
        for text in texts:
            answer = await case.http.request(
                method, "/token", headers=[(b"authorization", f"Bearer {text}".encode())]
            )
            assert answer.status_code == 401, text
            assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
            bodies.add(answer.content)
        twice = [("Authorization", f"Bearer {case.secret}")] * 2
        bodies.add((await case.http.request(method, "/token", headers=twice)).content)
        assert len(bodies) == 1
        assert bodies == {(await case.check(unknown)).content}
    assert (await case.ask()).status_code == 200


async def test_no_secret_is_challenged(case: Case) -> None:
    for headers in ({}, {"Authorization": "Basic eDp4"}, {"Authorization": case.secret}):
        answer = await case.http.get("/token", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert (await case.http.post("/token")).status_code == 405


async def test_address_outside_the_networks_is_refused(case: Case) -> None:
    await conditions.set_networks(case.person.principal, case.token.id, ["198.51.100.0/24"])
    for method in ("GET", "DELETE"):
        answer = await case.ask(method)
        assert (answer.status_code, answer.json()["code"]) == (403, "ADDRESS_NOT_ALLOWED")
        assert answer.json()["requestId"] == answer.headers["x-request-id"]
        assert answer.headers.get_list("x-request-id")[1:] == []
    async with at(case.app, "198.51.100.9") as inside:
        headers = {"Authorization": f"Bearer {case.secret}"}
        assert (await inside.get("/token", headers=headers)).status_code == 200


async def test_address_is_the_one_that_a_trusted_proxy_reports(case: Case) -> None:
    await conditions.set_networks(case.person.principal, case.token.id, ["198.51.100.0/24"])
    told = {"Authorization": f"Bearer {case.secret}", "X-Forwarded-For": "198.51.100.9"}
    assert (await case.http.get("/token", headers=told)).status_code == 403
    settings = replace(case.service.settings, trusted_proxies=(ip_network(HERE),))
    app = create_app(replace(case.service, settings=settings))
    async with at(app, HERE) as behind:
        assert (await behind.get("/token", headers=told)).status_code == 200
    await app.close()


async def test_session_opens_no_door_and_a_secret_no_session(case: Case, client: Client) -> None:
    assert (await case.ask(secret=case.person.session)).json()["code"] == "INVALID_TOKEN"
    headers = {"Authorization": f"Bearer {case.secret}"}
    assert (await client.http.get("/session", headers=headers)).status_code == 401
    assert (await client.graphql("{ viewer { id } }", {}, **headers)).status_code == 401


async def test_holder_reaches_no_other_token(case: Case, world: World) -> None:
    other = await world.token(case.person)
    stranger = await world.token(await world.person())
    await case.ask("DELETE")
    for made in (other, stranger):
        assert (await case.ask(secret=made.secret)).status_code == 200


async def test_token_that_is_revoked_meanwhile_is_not_revoked_twice(case: Case) -> None:
    found = await find_holder(digests_of(case.service, case.secret), "192.0.2.1")
    assert found
    await tokens.revoke(case.person.principal, case.token.id)
    with pytest.raises(NotFound):
        await holder_operations.revoke(found.holder)
    with pytest.raises(NotFound):
        await holder_operations.revoke_leaked(found.holder)
    latest = (await activity.of_token(case.person.principal, case.token.id, _LATEST)).rows[0]
    assert latest.details == {"reason": "REVOKED"}
    assert latest.actor_id == case.person.admin.id


async def test_of_two_revocations_at_once_one_succeeds(case: Case) -> None:
    answers = await asyncio.gather(case.ask("DELETE"), case.ask("DELETE"))
    assert sorted(answer.status_code for answer in answers) == [204, 401]
    kinds = [
        one.kind
        for one in (await activity.of_token(case.person.principal, case.token.id, _ALL)).rows
    ]
    assert kinds == [models.ActivityKind.REVOKED, models.ActivityKind.CREATED]


async def test_strangers_beyond_the_queue_are_told_to_come_again(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holder, "_MAX_WAITING", 0)
    app = create_app(case.service)
    routes: list[Any] = list(app.routes)
    [door] = [one.endpoint.__self__ for one in routes if one.path == "/token"]
    async with at(app, HERE) as http, door._queue.turn("a"), door._queue.turn("b"):
        answer = await http.get("/token", headers={"Authorization": f"Bearer {case.secret}"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        # A malformed one takes no turn, and no look at the database.
        malformed = await http.get("/token", headers={"Authorization": "Bearer x"})
        assert malformed.status_code == 401
    await app.close()
