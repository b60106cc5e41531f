"""`/activity.csv`: the same activity as `/activity.ndjson`, safe to open in a spreadsheet."""

import csv
import io
import json
from typing import Any

import pytest

import models
from server.access import sessions
from server.export import routes
from tests.support.factories import Client, Person, World, token_id


@pytest.fixture
async def person(world: World) -> Person:
    return await world.person()


async def _text(client: Client, person: Person, path: str, **query: Any) -> str:
    answer = await client.http.get(path, params=query, headers=client.of(person).headers)
    assert answer.status_code == 200, answer.text
    return answer.content.decode()


async def _records(client: Client, person: Person, **query: Any) -> list[dict[str, str]]:
    text = await _text(client, person, "/activity.csv", **query)
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))


async def test_records_say_what_the_lines_say(
    client: Client, world: World, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "_PORTION", 2)
    made = await world.token(person, 'Ünï, "quoted"')
    for name in ("b", "c", "d"):
        await client.of(person).mutate("renameToken", tokenId=token_id(made.token), name=name)
    lines = (await _text(client, person, "/activity.ndjson")).splitlines()
    records = await _records(client, person)
    assert len(records) == len(lines) == 4
    for record, line in zip(records, map(json.loads, lines), strict=True):
        assert record == {
            "sequence": str(line["sequence"]),
            "occurredAt": line["occurredAt"],
            "kind": line["kind"],
            "actorKind": line["actor"]["kind"],
            "actorId": line["actor"]["id"],
            "actorName": line["actor"]["name"],
            "subjectKind": line["subject"]["kind"],
            "subjectId": line["subject"]["id"],
            "subjectName": line["subject"]["name"],
            "address": line["address"] or "",
            "details": json.dumps(line["details"], separators=(",", ":"), ensure_ascii=False),
            "id": line["id"],
            "cursor": line["cursor"],
        }
    assert [one["sequence"] for one in await _records(client, person, kind="CREATED")] == ["1"]
    assert await _records(client, person, after=records[-1]["cursor"]) == []


@pytest.mark.parametrize(
    "name",
    ['=HYPERLINK("https://evil.example","x")', "+1", "-1", "@SUM(1)", "=1,2", "\uff1d1+1", "|x"],
)
async def test_no_cell_is_a_formula(
    client: Client, world: World, person: Person, name: str
) -> None:
    token = (await world.token(person, "plain")).token
    # Names of any age: written past the rules for names.
    await models.Token.filter(tenant_id=token.tenant_id, id=token.id).update(name=name)
    await models.Admin.filter(tenant_id=token.tenant_id, id=person.admin.id).update(name=f" {name}")
    [record] = await _records(client, person)
    assert record["subjectName"] == f"'{name}"
    assert record["actorName"] == f"' {name}"
    assert [value for value in record.values() if value[:1] in set("=+-@\t\r\n")] == []


async def test_plain_names_stay(client: Client, world: World, person: Person) -> None:
    await world.token(person, "CI = 1 + 2 @ home")
    [record] = await _records(client, person)
    assert record["subjectName"] == "CI = 1 + 2 @ home"


async def test_browsers_save_it_and_keep_no_copy(client: Client, person: Person) -> None:
    answer = await client.http.get("/activity.csv", headers=client.of(person).headers)
    assert answer.headers["content-type"].startswith("text/csv; charset=utf-8")
    assert answer.headers["content-disposition"] == 'attachment; filename="activity.csv"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_strangers_and_other_tenants_get_nothing(
    client: Client, world: World, person: Person
) -> None:
    await world.token(person)
    assert (await client.http.get("/activity.csv")).status_code == 401
    assert await _records(client, await world.person()) == []


async def test_session_that_ends_meanwhile_is_told_in_the_last_record(
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
    records = await _records(client, person)
    assert [one["kind"] for one in records] == ["CREATED", "CREATED", "PROBLEM"]
    assert json.loads(records[-1]["details"])["code"] == "UNAUTHENTICATED"
    assert records[-1]["cursor"] == ""
