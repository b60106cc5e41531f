"""`Token.usage` and `Token.recentRefusals` explain denials to an admin."""

from datetime import UTC, datetime, timedelta

import pytest

import models
from models import RefusalReason
from server.decisions import log_rows
from server.decisions.log_rows import Denial, Unwritten, Use
from tests.support.factories import Client, World, token_id
from tests.support.statements import caught

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


async def test_usage_by_day_counts_the_last_days_in_utc(world: World, client: Client) -> None:
    person = await world.person()
    token = (await world.token(person, "t", [DEVICES])).token
    today = models.now().replace(hour=0, minute=0, second=0, microsecond=0)
    days = [today - timedelta(days=days) for days in (30, 29, 2, 0)]
    await models.TokenUse.bulk_create(
        models.TokenUse(
            tenant_id=token.tenant_id, token_id=token.id, key=key, day=day.date(),
            allowed=number, denied=denied, first_used_at=day, last_used_at=day,
        )
        for number, day in enumerate(days, 1)
        for key, denied in ((DEVICES, 0), ("", 5))
    )  # fmt: skip
    query = """query ($id: ID!, $days: Int!) { token(id: $id) {
        usageByDay(days: $days) { startsAt allowed denied } } }"""

    async def ask(days: int) -> list[tuple[str, int, int]]:
        data = await client.of(person).data(query, id=token_id(token), days=days)
        return [tuple(one.values()) for one in data["token"]["usageByDay"]]

    def expected(at: datetime, allowed: int) -> tuple[str, int, int]:
        return (at.isoformat().replace("+00:00", "Z"), 2 * allowed, 5)

    # The day before the first of them is not among them; each endpoint counts.
    assert await ask(30) == [expected(at, n) for n, at in enumerate(days, 1)][1:]
    assert await ask(1) == [expected(today, 4)]
    for days_asked in (0, 401):
        variables = {"id": token_id(token), "days": days_asked}
        answer = await client.of(person).graphql(query, variables)
        assert "Uses are kept for 400 days" in answer.json()["errors"][0]["message"]


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
                    (*token, DEVICES, at.date()): Use(
                        allowed, 0, second - 60, second, second, "192.0.2.1", "curl"
                    ),
                    (*token, "", at.date()): Use(0, 1, second - 90, second - 90),
                },
                {token: [refused]},
            )
        )


async def test_older_use_does_not_replace_a_later_one(world: World) -> None:
    """Instances write at different times, so a later write may hold an earlier use."""
    made = await world.token(await world.person(), "t", [])
    token = (str(made.token.tenant_id), str(made.token.id))
    for second in (1_000_000.0, 999_000.0):
        use = Use(1, 0, second, second, second, f"at {second}", "")
        await log_rows.write(Unwritten({(*token, DEVICES, log_rows.day_of(second)): use}))
    last = await models.TokenLastUse.get(tenant_id=made.token.tenant_id, id=made.token.id)
    assert last.last_used_from == "at 1000000.0"


@pytest.mark.parametrize(
    ("selected", "times"),
    [("lastUsedAt", 1), ("lastUsedUserAgent last: lastUsedFrom lastUsedAt", 1), ("name", 0)],
)
async def test_page_reads_last_uses_in_one_query_when_asked_for(
    world: World,
    client: Client,
    selected: str,
    times: int,
) -> None:
    person = await world.person()
    made = [(await world.token(person, f"t{number}", [])).token for number in range(3)]
    tenant_id = str(person.admin.tenant_id)
    at = 1_000_000.0
    uses = {
        (tenant_id, str(token.id), DEVICES, log_rows.day_of(at)): Use(1, 0, at, at, at, token.name)
        for token in made[:2]
    }
    await log_rows.write(Unwritten(uses))
    with caught() as statements:
        page = await client.of(person).data(f"{{ tokens {{ edges {{ node {{ {selected} }} }} }} }}")
    assert len([sql for sql, _ in statements if "token_last_use" in sql]) == times
    nodes = [edge["node"] for edge in page["tokens"]["edges"]]
    if "lastUsedAt" in selected:
        instant = "1970-01-12T13:46:40Z"
        assert [node["lastUsedAt"] for node in nodes] == [None, instant, instant]
    if "last:" in selected:
        assert [node["last"] for node in nodes] == [None, "t1", "t0"]
