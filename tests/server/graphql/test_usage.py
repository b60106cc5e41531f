"""`Token.usage` and `Token.recentRefusals` explain denials to an admin."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

import models
from models import RefusalReason
from server.access.principal import SignedInAdmin
from server.decisions import log_rows
from server.decisions.log_rows import Denial, Unwritten, Use
from server.operations import usage
from tests.support.factories import Client, World, token_id

DEVICES, BLUEPRINTS = "GET /api/v1/devices", "GET /api/v1/blueprints"
_QUERY = """query ($id: ID!, $since: DateTime) { token(id: $id) {
    lastUsedAt lastUsedFrom lastUsedUserAgent
    usage(since: $since) { permission { key } allowed denied firstUsedAt lastUsedAt }
    recentRefusals { occurredAt method path reason address userAgent requestId } } }"""
_LATEST_REFUSAL = {
    "occurredAt": "2026-03-03T12:00:00Z",
    "method": "GET",
    "path": "/api/v1/blueprints",
    "reason": "NOT_GRANTED",
    "address": "192.0.2.1",
    "userAgent": "curl",
    "requestId": "r1",
}


async def test_usage_lists_the_operations_of_a_token(world: World, client: Client) -> None:
    person = await world.person()
    other = await world.person()
    token = (await world.token(person, "t", [DEVICES])).token
    await _write_two_days(token)
    as_person = client.of(person)
    found = (await as_person.data(_QUERY, id=token_id(token)))["token"]
    assert found["lastUsedAt"] == "2026-03-03T12:00:00Z"
    assert (found["lastUsedFrom"], found["lastUsedUserAgent"]) == ("192.0.2.1", "curl")
    assert found["usage"] == [
        {
            "permission": {"key": DEVICES},
            "allowed": 8,
            "denied": 0,
            "firstUsedAt": "2026-03-02T11:59:00Z",
            "lastUsedAt": "2026-03-03T12:00:00Z",
        },
        {
            "permission": None,
            "allowed": 0,
            "denied": 3,
            "firstUsedAt": "2026-03-02T11:58:30Z",
            "lastUsedAt": "2026-03-03T11:58:30Z",
        },
    ]
    assert len(found["recentRefusals"]) == 3
    assert found["recentRefusals"][0] == _LATEST_REFUSAL
    since = (await as_person.data(_QUERY, id=token_id(token), since="2026-03-03T23:00:00Z"))[
        "token"
    ]
    assert [one["allowed"] for one in since["usage"]] == [3, 0]
    assert (await client.of(other).data(_QUERY, id=token_id(token)))["token"] is None


async def _write_two_days(made: models.Token) -> None:
    """Uses and denials of one day, and in two writes those of the next."""
    token = (str(made.tenant_id), str(made.id))
    today = datetime(2026, 3, 3, 12, tzinfo=UTC)
    for at, allowed in ((today - timedelta(days=1), 5), (today, 2), (today, 1)):
        second = at.timestamp()
        refused = Denial(
            second, "GET", BLUEPRINTS, RefusalReason.NOT_GRANTED, "192.0.2.1", "curl", "r1"
        )
        await log_rows.write(
            Unwritten(
                {
                    (*token, DEVICES, at.date()): Use(allowed, 0, second - 60, second),
                    (*token, "", at.date()): Use(0, 1, second - 90, second - 90),
                },
                {token: (second, "192.0.2.1", "curl")},
                {token: [refused]},
            )
        )


async def test_older_use_does_not_replace_a_later_one(world: World) -> None:
    """Instances write at different times, so a later write may hold an earlier use."""
    made = await world.token(await world.person(), "t", [])
    token = (str(made.token.tenant_id), str(made.token.id))
    for second in (1_000_000.0, 999_000.0):
        await log_rows.write(Unwritten({}, {token: (second, f"at {second}", "")}, {}))
    last = await models.TokenLastUse.get(tenant_id=made.token.tenant_id, id=made.token.id)
    assert last.last_used_from == "at 1000000.0"


@pytest.mark.parametrize(
    ("selected", "times"),
    [("lastUsedAt", 1), ("lastUsedUserAgent last: lastUsedFrom lastUsedAt", 1), ("name", 0)],
)
async def test_page_reads_last_uses_in_one_query_when_asked_for(
    world: World,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    selected: str,
    times: int,
) -> None:
    person = await world.person()
    made = [(await world.token(person, f"t{number}", [])).token for number in range(3)]
    tenant_id = str(person.admin.tenant_id)
    last = {(tenant_id, str(token.id)): (1_000_000.0, token.name, "") for token in made[:2]}
    await log_rows.write(Unwritten({}, last, {}))
    read, asked = usage.last_uses, []

    async def noted(
        principal: SignedInAdmin, token_ids: Collection[UUID]
    ) -> dict[UUID, models.TokenLastUse]:
        asked.append(len(token_ids))
        return await read(principal, token_ids)

    monkeypatch.setattr(usage, "last_uses", noted)
    page = await client.of(person).data(f"{{ tokens {{ edges {{ node {{ {selected} }} }} }} }}")
    assert asked == [len(made)] * times
    nodes = [edge["node"] for edge in page["tokens"]["edges"]]
    if "lastUsedAt" in selected:
        instant = "1970-01-12T13:46:40Z"
        assert [node["lastUsedAt"] for node in nodes] == [None, instant, instant]
    if "last:" in selected:
        assert [node["last"] for node in nodes] == [None, "t1", "t0"]


async def test_old_counts_are_deleted(world: World, client: Client) -> None:
    person = await world.person()
    made = await world.token(person, "t", [])
    token = (str(made.token.tenant_id), str(made.token.id))
    today = datetime(2026, 3, 3, tzinfo=UTC).date()
    for age in (0, 400, 401):
        day = today - timedelta(days=age)
        await log_rows.write(Unwritten({(*token, DEVICES, day): Use(1, 0, 0.0, 0.0)}, {}, {}))
    await log_rows.delete_old_uses([made.token.tenant_id], 100, today)
    found = await client.of(person).data(_QUERY, id=token_id(made.token))
    assert found["token"]["usage"][0]["allowed"] == 2
