"""Sessions, invitations and passwords over HTTP, for browsers and scripts.

`test_browser_safety` covers cross-site requests, `test_raw_bytes` malformed ones.
"""

import asyncio
import time
from typing import Any

import httpx2
import orjson
import pytest

import models
from models import Role
from server.access import visitors
from server.operations import admins
from server.passwords import Hashing
from tests.support.factories import PASSWORD, Client, Person, World

NEW = "nine copper lanterns flicker"


async def credentials(person: Person, **other: str) -> dict[str, str]:
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    return {"tenant": tenant.slug, "email": person.admin.email, "password": PASSWORD} | other


async def bearer(client: Client, person: Person) -> dict[str, str]:
    """The header of a new session."""
    body = await credentials(person, transport="bearer")
    answer = await client.http.post("/session", json=body)
    assert answer.status_code == 201
    return {"Authorization": f"Bearer {answer.json()['session']}"}


async def who(client: Client, headers: dict[str, str]) -> int:
    return (await client.http.get("/session", headers=headers)).status_code


async def test_browser_signs_in_with_a_cookie(client: Client, world: World) -> None:
    person = await world.person()
    answer = await client.http.post("/session", json=await credentials(person))
    assert answer.status_code == 201
    assert answer.json().keys() == {"expiresAt"}
    cookie = answer.headers["set-cookie"].split(";")[0]
    me = await client.http.get("/session", headers={"Cookie": cookie})
    assert me.json()["admin"] == {
        "email": person.admin.email,
        "name": person.admin.name,
        "role": "OWNER",
    }
    assert me.json()["tenant"]["slug"] == (await credentials(person))["tenant"]
    left = await client.http.delete("/session", headers={"Cookie": cookie})
    assert left.status_code == 204
    assert await who(client, {"Cookie": cookie}) == 401


@pytest.mark.parametrize("tenant", [" Acme ", "ACME", "acme\n"])
@pytest.mark.parametrize("email", ["Ada@BÜCHER.example", " ada@xn--bcher-kva.example"])
async def test_tenant_and_address_are_case_insensitive(
    tenant: str, email: str, client: Client, world: World
) -> None:
    await world.person(await world.tenant("acme"), email="ada@xn--bcher-kva.example")
    body = {"tenant": tenant, "email": email, "password": PASSWORD}
    assert (await client.http.post("/session", json=body)).status_code == 201


async def test_script_signs_in_with_a_bearer(client: Client, world: World) -> None:
    person = await world.person()
    headers = await bearer(client, person)
    assert await who(client, headers) == 200
    assert (await client.http.delete("/session", headers=headers)).status_code == 204
    assert await who(client, headers) == 401


async def test_other_cookies_do_not_end_the_session(client: Client, world: World) -> None:
    person = await world.person()
    answer = await client.http.post("/session", json=await credentials(person))
    cookie = answer.headers["set-cookie"].split(";")[0]
    for other in ('a="', 'a="' + '\\"' * 14_000, "=;;", "x" * 30_000):
        for both in (f"{other}; {cookie}", f"{cookie}; {other}"):
            assert await who(client, {"Cookie": both}) == 200
    assert await who(client, {"Cookie": f"{cookie}; {cookie}"}) == 401


async def test_every_401_has_a_challenge(client: Client, world: World) -> None:
    """RFC 9110, section 15.5.2."""
    person = await world.person()
    wrong = {"currentPassword": "wrong password, surely", "newPassword": NEW}
    guess = await credentials(person, password="wrong password, surely")
    for answer in (
        await client.http.get("/session"),
        await client.http.post("/session", json=guess),
        await client.http.put("/password", json=wrong, headers=client.of(person).headers),
    ):
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


METHODS = {
    "/session": {"DELETE", "GET", "HEAD", "POST"},
    "/invitation": {"POST"},
    "/invitation/details": {"POST"},
    "/password": {"PUT"},
}


@pytest.mark.parametrize(("path", "methods"), METHODS.items())
async def test_405_lists_the_allowed_methods(
    client: Client, world: World, path: str, methods: set[str]
) -> None:
    answer = await client.http.patch(path)
    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert set(answer.headers["allow"].split(", ")) == methods
    for method in methods:
        assert (await client.http.request(method, path)).status_code != 405


async def test_each_sign_in_creates_a_session(client: Client, world: World) -> None:
    person = await world.person()
    first, second = await bearer(client, person), await bearer(client, person)
    assert first != second
    await client.http.delete("/session", headers=first)
    assert await who(client, second) == 200


async def test_every_failed_sign_in_has_the_same_answer(client: Client, world: World) -> None:
    owner, foreign = await world.person(), await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    removed = await world.person(tenant, Role.ADMIN)
    await admins.remove(owner.principal, removed.admin.id)
    invited = await admins.add(
        owner.principal, world.service, email="i@example.com", name="I", role=Role.ADMIN
    )
    right = await credentials(owner)
    wrong: dict[str, dict[str, str]] = {
        "password": right | {"password": "another password altogether"},
        "no password": right | {"password": ""},
        "e-mail": right | {"email": "nobody@example.com"},
        "tenant": right | {"tenant": "nobody"},
        "no slug": right | {"tenant": "../x"},
        "somebody of another tenant": right | {"email": foreign.admin.email},
        "removed": await credentials(owner, email=removed.admin.email),
        "not yet accepted": right | {"email": invited.admin.email},
    }
    answers = {}
    for what, body in wrong.items():
        answer = await client.http.post("/session", json=body)
        headers = {k: v for k, v in answer.headers.items() if k != "x-request-id"}
        answers[what] = (answer.status_code, headers, answer.content)
    assert {status for status, _, _ in answers.values()} == {401}
    assert all(answer == answers["password"] for answer in answers.values())


async def test_password_change_ends_all_sessions(client: Client, world: World) -> None:
    person = await world.person()
    here, there = await bearer(client, person), await bearer(client, person)
    change = {"currentPassword": PASSWORD, "newPassword": NEW}
    answer = await client.http.put("/password", json=change, headers=here)
    assert answer.status_code == 204
    assert [await who(client, here), await who(client, there)] == [401, 401]
    assert [await who(client, client.of(person).headers)] == [401]
    old = await client.http.post("/session", json=await credentials(person))
    assert old.status_code == 401
    new = await client.http.post("/session", json=await credentials(person, password=NEW))
    assert new.status_code == 201


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"currentPassword": "wrong password, surely", "newPassword": NEW}, 401, "WRONG_PASSWORD"),
        ({"currentPassword": PASSWORD, "newPassword": "short"}, 422, "INVALID_INPUT"),
        ({"currentPassword": PASSWORD, "newPassword": "passwordpassword"}, 422, "INVALID_INPUT"),
        ({"currentPassword": PASSWORD}, 422, "INVALID_INPUT"),
    ],
)
async def test_refused_password_change_ends_no_session(
    client: Client, world: World, change: dict[str, str], status: int, code: str
) -> None:
    person = await world.person()
    headers = await bearer(client, person)
    answer = await client.http.put("/password", json=change, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await who(client, headers) == 200
    assert (await client.http.put("/password", json=change)).status_code == 401


async def test_removed_admin_is_signed_out(client: Client, world: World) -> None:
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    colleague = await world.person(tenant, Role.ADMIN)
    headers = await bearer(client, colleague)
    await admins.remove(owner.principal, colleague.admin.id)
    assert await who(client, headers) == 401


async def test_admin_removed_during_a_request_is_unauthenticated(
    client: Client, world: World
) -> None:
    """Also between two queries of the request."""
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    for number in range(40):
        leaving = await world.person(tenant, Role.ADMIN)
        asking = asyncio.create_task(who(client, client.of(leaving).headers))
        await asyncio.sleep(number / 10_000)
        await admins.remove(owner.principal, leaving.admin.id)
        assert await asking in {200, 401}


async def invited(world: World) -> tuple[Person, str]:
    owner = await world.person()
    added = await admins.add(
        owner.principal, world.service, email="new@example.com", name="New", role=Role.ADMIN
    )
    return owner, added.invitation


async def test_invitation_survives_a_refused_password_and_works_once(
    client: Client, world: World
) -> None:
    owner, invitation = await invited(world)
    for weak in ("short", "passwordpassword", "new@example.com1", "x" * 300):
        body = {"invitation": invitation, "password": weak}
        answer = await client.http.post("/invitation", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_INPUT")
        assert answer.json()["field"] == "password"
        assert weak not in answer.text
    good = {"invitation": invitation, "password": NEW}
    assert (await client.http.post("/invitation", json=good)).status_code == 204
    again = await client.http.post("/invitation", json=good)
    assert (again.status_code, again.json()["field"]) == (422, "invitation")
    entered = await credentials(owner, email="new@example.com", password=NEW)
    assert (await client.http.post("/session", json=entered)).status_code == 201


@pytest.mark.parametrize("transport", ["cookie", "bearer"])
async def test_an_invitation_tells_whom_it_is_for_and_ends_signed_in(
    client: Client, world: World, transport: str
) -> None:
    owner, invitation = await invited(world)
    told = await client.http.post("/invitation/details", json={"invitation": invitation})
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    assert (told.status_code, told.headers["cache-control"]) == (200, "no-store")
    assert (
        told.json().items()
        >= {
            "tenant": {"slug": tenant.slug, "name": tenant.name},
            "admin": {"email": "new@example.com", "name": "New"},
        }.items()
    )
    body = {"invitation": invitation, "password": NEW, "transport": transport}
    unknown = await client.http.post("/invitation", json=body | {"transport": "carrier pigeon"})
    assert (unknown.status_code, unknown.json()["field"]) == (422, "transport")
    accepted = await client.http.post("/invitation", json=body)
    assert accepted.status_code == 201
    if transport == "bearer":
        headers = {"Authorization": f"Bearer {accepted.json()['session']}"}
        assert "__Host-tessera_session" not in accepted.cookies
    else:
        headers = {"Cookie": f"__Host-tessera_session={accepted.cookies['__Host-tessera_session']}"}
        assert accepted.json().keys() == {"expiresAt"}
    client.http.cookies.clear()
    who = await client.http.get("/session", headers=headers)
    assert who.json()["admin"]["email"] == "new@example.com"
    for path, sent in (("/invitation", body), ("/invitation/details", {"invitation": invitation})):
        used = await client.http.post(path, json=sent)
        assert (used.status_code, used.json()["field"]) == (422, "invitation")


async def test_an_invitation_expires_after_a_week(client: Client, world: World) -> None:
    _, invitation = await invited(world)
    row = await models.Invitation.get()
    assert 6.9 < (row.expires_at - models.now()).total_seconds() / 86_400 <= 7
    await models.Invitation.filter(tenant_id=row.tenant_id).update(expires_at=models.now())
    good = {"invitation": invitation, "password": NEW}
    answer = await client.http.post("/invitation", json=good)
    assert (answer.status_code, answer.json()["field"]) == (422, "invitation")


async def test_unknown_used_and_expired_invitations_have_the_same_answer(
    client: Client, world: World
) -> None:
    _, used = await invited(world)
    good = {"password": NEW}
    await client.http.post("/invitation", json=good | {"invitation": used})
    answers = [
        await client.http.post("/invitation", json=good | {"invitation": secret})
        for secret in (used, "", "x", used[:-1], used.swapcase())
    ]
    assert {(a.status_code, a.content) for a in answers} == {(422, answers[0].content)}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/session", {}),
        ("POST", "/session", {"tenant": "a", "email": "b", "password": 3}),
        ("POST", "/session", {"tenant": "a", "email": "b", "password": "c", "transport": "pigeon"}),
        ("POST", "/session", []),
        ("POST", "/session", None),
        ("POST", "/invitation", {"invitation": "x"}),
        ("POST", "/invitation/details", {"invitation": ["x"]}),
        ("POST", "/invitation", {"invitation": ["x"], "password": "y"}),
    ],
)
async def test_malformed_body_is_a_400(client: Client, method: str, path: str, body: Any) -> None:
    answer: httpx2.Response = await client.http.request(method, path, json=body)
    assert answer.status_code in {400, 415, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().keys() >= {"title", "status", "detail", "code"}


async def test_known_browser_is_not_locked_out(client: Client, world: World) -> None:
    person = await world.person()
    right = await credentials(person)
    entered = await client.http.post("/session", json=right)
    device = {"Cookie": f"__Host-tessera_device={entered.cookies['__Host-tessera_device']}"}
    client.http.cookies.clear()
    wrong = right | {"password": "a wrong guess"}
    while (refused := await client.http.post("/session", json=wrong)).status_code == 401:
        pass
    assert refused.status_code == 429
    assert (await client.http.post("/session", json=right)).status_code == 429
    client.http.cookies.clear()
    assert (await client.http.post("/session", json=right, headers=device)).status_code == 201


async def test_setting_a_password_makes_the_browser_known(client: Client, world: World) -> None:
    """Even while an attacker guesses at the account, the new password works at once."""
    owner, invitation = await invited(world)
    body = {"invitation": invitation, "password": NEW}
    accepted = await client.http.post("/invitation", json=body)
    changed = await client.http.put(
        "/password",
        json={"currentPassword": PASSWORD, "newPassword": NEW},
        headers=client.of(owner).headers,
    )
    client.http.cookies.clear()
    for answer, email in ((accepted, "new@example.com"), (changed, owner.admin.email)):
        assert answer.status_code == 204
        right = await credentials(owner, email=email, password=NEW)
        wrong = right | {"password": "a wrong guess"}
        while (await client.http.post("/session", json=wrong)).status_code == 401:
            pass
        device = {"Cookie": f"__Host-tessera_device={answer.cookies['__Host-tessera_device']}"}
        assert (await client.http.post("/session", json=right, headers=device)).status_code == 201
        client.http.cookies.clear()


async def test_full_hash_queue_is_a_503_at_once(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowded = Hashing("crowded")
    monkeypatch.setattr(visitors, "STRANGERS", crowded)
    person = await world.person()
    right = await credentials(person)
    others = [
        right | {"email": f"nobody-{number}@example.com", "password": "a wrong guess"}
        for number in range(60)
    ]
    answers = await asyncio.gather(*(client.http.post("/session", json=body) for body in others))
    busy = [answer for answer in answers if answer.status_code == 503]
    assert busy
    assert {answer.status_code for answer in answers} <= {401, 429, 503}
    assert {(a.json()["code"], a.headers["retry-after"]) for a in busy} == {("BUSY", "1")}


async def test_flood_of_passwords_does_not_delay_another_tenant(
    client: Client, world: World
) -> None:
    """Counted in turns of the queue and not in seconds: none of the person's requests waits for all
    others."""
    person = await world.person()
    right = await credentials(person)
    assert (await client.http.post("/session", json=right)).status_code == 201
    client.http.cookies.clear()
    done: list[int] = []

    async def post(body: dict[str, str]) -> None:
        done.append((await client.http.post("/session", json=body)).status_code)

    wrong = {"tenant": "x", "email": "y", "password": "\u0315" * 128 + "\u0316" * 128}
    await asyncio.gather(*(post(wrong) for _ in range(20)), post(right))
    assert done.index(201) < 12


async def test_too_long_texts_are_not_normalised(client: Client, world: World) -> None:
    person = await world.person()
    marks = "\u0315" * 16_000 + "\u0316" * 16_000
    tries = [
        ("POST", "/session", await credentials(person, email=marks)),
        ("POST", "/session", await credentials(person, password=marks)),
        ("POST", "/session", await credentials(person, tenant=marks)),
        ("POST", "/invitation", {"invitation": marks, "password": "x"}),
        ("POST", "/invitation", {"invitation": "x", "password": marks}),
        ("PUT", "/password", {"currentPassword": marks, "newPassword": NEW}),
        ("PUT", "/password", {"currentPassword": PASSWORD, "newPassword": marks}),
    ]
    for method, path, body in tries:
        sent = orjson.dumps(body)
        assert len(sent) < 65_536
        before = time.thread_time()
        answer = await client.http.request(
            method,
            path,
            content=sent,
            headers={"Content-Type": "application/json"} | client.of(person).headers,
        )
        assert 400 <= answer.status_code < 500
        assert time.thread_time() - before < 0.5, (method, path)
