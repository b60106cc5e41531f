"""`/activity.ndjson`: every activity of the tenant in order, in bounded memory, and no other's."""

import json
import tracemalloc
from typing import Any

import pytest

import models
from models import Role
from server.access import sessions
from server.app import create_app
from server.database import connection, dialect
from server.export import routes
from server.operations import admins, tokens
from server.service import Service
from tests.support.factories import Client, Person, World, token_id
from tests.support.soak import repeats

_MEBIBYTE = 1 << 20
_MANY, _AT_ONCE = repeats(ci=10_000, soak=100_000), 5_000


async def _stream(client: Client, person: Person, **query: Any) -> list[dict[str, Any]]:
    answer = await client.http.get(
        "/activity.ndjson", params=query, headers=client.of(person).headers
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text == "" or answer.text.endswith("\n")
    return [json.loads(text) for text in answer.text.splitlines()]


@pytest.fixture
async def person(world: World) -> Person:
    return await world.person()


async def test_lines_have_all_that_is_known(client: Client, world: World, person: Person) -> None:
    made = await world.token(person, "before")
    await client.of(person).mutate("renameToken", tokenId=token_id(made.token), name="after")
    colleague = await admins.add(
        person.principal, world.service, email="c@example.com", name="C", role=Role.ADMIN
    )
    lines = await _stream(client, person)
    assert [line["sequence"] for line in lines] == [1, 2, 3]
    owner = {"kind": "ADMIN", "id": person.id, "name": person.admin.name}
    assert lines[1] == {
        "cursor": lines[1]["cursor"],
        "sequence": 2,
        "id": lines[1]["id"],
        "occurredAt": lines[1]["occurredAt"],
        "kind": "NAME_CHANGED",
        "actor": owner,
        "subject": {"kind": "TOKEN", "id": token_id(made.token), "name": "after"},
        "address": "127.0.0.1",
        "details": {"previousName": "before", "name": "after"},
    }
    assert lines[2]["subject"]["name"] == "C"
    assert colleague.invitation not in json.dumps(lines)
    assert made.secret not in json.dumps(lines)


async def test_owners_in_details_are_global_ids(
    client: Client, world: World, person: Person
) -> None:
    made = await world.token(person)
    await client.of(person).mutate("transferToken", tokenId=token_id(made.token), toAdminId=None)
    details = (await _stream(client, person))[-1]["details"]
    assert details == {"previousOwner": person.id, "owner": None}


async def test_stream_goes_on_after_a_cursor_and_by_filter(
    client: Client, world: World, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "_PORTION", 3)
    made = [(await world.token(person, f"t{n}")).token for n in range(5)]
    for token in made:
        await tokens.rename(person.principal, token.id, "x")
    every = await _stream(client, person)
    assert [line["sequence"] for line in every] == [*range(1, 11)]
    assert await _stream(client, person, after=every[3]["cursor"]) == every[4:]
    assert await _stream(client, person, after=every[-1]["cursor"]) == []
    await world.token(person)
    [last] = await _stream(client, person, after=every[-1]["cursor"])
    assert last["sequence"] == 11
    assert len(await _stream(client, person, kind="CREATED")) == 6
    assert len(await _stream(client, person, kind=["CREATED", "NAME_CHANGED"])) == 11
    assert len(await _stream(client, person, subject=token_id(made[0]))) == 2
    assert len(await _stream(client, person, actor=person.id, kind="NAME_CHANGED")) == 5
    middle = every[5]["occurredAt"]
    assert await _stream(client, person, since=middle, until=last["occurredAt"]) == every[5:]


async def test_cursors_are_those_of_the_api(client: Client, world: World, person: Person) -> None:
    for _ in range(3):
        await world.token(person)
    data = await client.of(person).data("{ activity(last: 1) { edges { cursor } } }")
    [edge] = data["activity"]["edges"]
    lines = await _stream(client, person, after=edge["cursor"])
    assert [line["sequence"] for line in lines] == [2, 3]


@pytest.mark.parametrize(
    "query",
    [
        "kind=EVERYTHING", "actor=x", "subject=", "since=yesterday", "since=2026-02-30T00:00:00Z",
        "until=2026-01-01", "after=x", "after=", "limit=5", "since=2026-01-01T00:00:00Z&since=x",
        "after=%ff", "kind=%00",
    ],
)  # fmt: skip
async def test_wrong_query_is_refused(client: Client, person: Person, query: str) -> None:
    answer = await client.http.get(f"/activity.ndjson?{query}", headers=client.of(person).headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] in {"INVALID_INPUT", "BAD_CURSOR"}


async def test_strangers_and_other_tenants_get_nothing(
    client: Client, world: World, person: Person
) -> None:
    token = (await world.token(person)).token
    other = await world.person()
    assert (await client.http.get("/activity.ndjson")).status_code == 401
    assert await _stream(client, other) == []
    assert await _stream(client, other, subject=token_id(token)) == []
    assert await _stream(client, other, actor=person.id) == []
    cursor = (await _stream(client, person))[0]["cursor"]
    assert await _stream(client, other, after=cursor) == []
    auditor = await world.person(await models.Tenant.get(id=token.tenant_id), Role.AUDITOR)
    assert len(await _stream(client, auditor)) == 1


async def test_cookie_of_a_foreign_page_is_refused(client: Client, person: Person) -> None:
    cookie = f"__Host-tessera_session={person.session}"
    headers = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
    assert (await client.http.get("/activity.ndjson", headers=headers)).status_code == 200
    headers["Sec-Fetch-Site"] = "cross-site"
    answer = await client.http.get("/activity.ndjson", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "CROSS_SITE")


async def test_session_that_ends_meanwhile_gets_no_more(
    client: Client, world: World, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "_PORTION", 2)
    for _ in range(5):
        await world.token(person)
    portion, asked = routes._Stream.portion, 0

    async def and_sign_out(*arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 2:
            await sessions.sign_out(person.principal)
        return await portion(*arguments)

    monkeypatch.setattr(routes._Stream, "portion", and_sign_out)
    lines = await _stream(client, person)
    assert [line.get("sequence") for line in lines] == [1, 2, None]
    assert lines[-1]["problem"]["code"] == "UNAUTHENTICATED"


async def test_many_activities_take_little_memory(
    service: Service, world: World, person: Person
) -> None:
    """The answer is many times as large as the part in memory."""
    await _fill(person, _MANY)
    app, sent = create_app(service), 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal sent
        sent += len(message.get("body", b""))

    scope = {
        "type": "http", "method": "GET", "path": "/activity.ndjson",
        "query_string": b"since=2026-01-01T00:00:00Z",
        "headers": [(b"authorization", f"Bearer {person.session}".encode())],
        "client": ("192.0.2.1", 1), "scheme": "http", "server": ("x", 80), "root_path": "",
        "http_version": "1.1", "asgi": {"version": "3.0", "spec_version": "2.4"},
    }  # fmt: skip
    tracemalloc.start()
    try:
        await app(scope, receive, send)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent > _MANY * 800
    assert peak < 4 * _MEBIBYTE


async def _fill(person: Person, count: int) -> None:
    """So many activities, one a millisecond until now."""
    first = (models.present_tick() >> 12) - count
    uuid = {
        "postgres": f"(lpad(to_hex({first} + i), 12, '0') || '70008000000000000000')::uuid",
        "sqlite": "printf('%08x-%04x-7000-8000-000000000000',"
        f" ({first} + i) >> 16, ({first} + i) & 65535)",
    }[dialect()]
    details = json.dumps({"previousName": "x" * 300, "name": "y" * 300})
    # In portions: a statement has two seconds.
    for done in range(0, count, _AT_ONCE):
        await connection().execute_script(
            f"WITH RECURSIVE n(i) AS (SELECT {done} UNION ALL"
            f" SELECT i + 1 FROM n WHERE i < {done + _AT_ONCE - 1})"
            " INSERT INTO activity (id, created_at, tenant_id, sequence, kind, actor_kind,"
            " actor_id, subject_kind, subject_id, details)"
            f" SELECT {uuid}, '2026-11-30 00:00:00.000000+00:00', '{person.admin.tenant_id}',"
            f" i + 1, 'NAME_CHANGED', 'ADMIN', '{person.admin.id}', 'ADMIN', '{person.admin.id}',"
            f" '{details}' FROM n"
        )
