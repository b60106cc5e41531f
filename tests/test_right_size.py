"""Right-sizing: a month of made traffic, poured through the decision log and recounted.

The same set of permissions must come out as from the raw list of requests.
"""

import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import product
from uuid import UUID, uuid4

import pytest

import models
from models import RefusalReason
from server.access import permission_uses
from server.database import connection, dialect, transaction
from server.decisions.log import DecisionLog
from server.errors import InvalidInput, QueryTooComplex
from server.operations import right_size, tokens
from server.rhythms import Rhythm, rhythm_of
from server.service import Service
from tests.support.costs import cpu_seconds, database_processes
from tests.support.factories import Client, Person, World, token_id
from tests.support.soak import IS_SOAK, repeats

DECISIONS = repeats(ci=20_000, soak=10_000_000)
DAY = 86_400
# Days before today.
WEEKLY_RUNS, MONTHLY_RUNS, ENDED_RUNS = range(2, 30, 7), (25, 55, 86), (120, 150, 180)
# Of the database; elsewhere the processors are shared with other tests.
MAX_MILLISECONDS = 50 if IS_SOAK else 500
# Its instant and permission, and whether it was allowed.
Request = tuple[float, str, bool]


@dataclass(frozen=True)
class Traffic:
    """The requests of the made clients: each job on its days, the others at random."""

    busy: list[str]
    # Permissions by how many days ago they were used.
    jobs: Mapping[str, Sequence[int]]
    withdrawn: str
    refused: str

    def requests(self, number: int, seed: int) -> Iterator[Request]:
        """Instant, permission and whether it was allowed, as they come: `number` in a month."""
        chance = random.Random(seed)
        each = number // 30
        for day in range(400, -1, -1):
            begins = midnight() - day * DAY
            yield from ((begins, key, True) for key, days in self.jobs.items() if day in days)
            for place in range(each if day < 30 else 0):
                yield begins + place * DAY / each, *self._choose(chance)

    def _choose(self, chance: random.Random) -> tuple[str, bool]:
        kind = chance.random()
        if kind < 0.02:
            return self.refused, False
        return (self.withdrawn if kind < 0.03 else chance.choice(self.busy)), True


@dataclass
class Recount:
    """The raw requests, counted beside the decision log: by permission and day."""

    allowed: Counter[tuple[str, int]] = field(default_factory=Counter)
    first: dict[str, float] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)

    def add(self, at: float, key: str, is_allowed: bool) -> None:
        if is_allowed:
            self.allowed[key, int(at // DAY)] += 1
            self.first.setdefault(key, at)
            self.last[key] = at

    def denied(self, granted: set[str], days: int) -> tuple[int, int]:
        """How many of the period's allowed requests `granted` denies, and of how many."""
        since = int(midnight() // DAY) - days + 1
        counted = {key: count for key, count in self.allowed.items() if key[1] >= since}
        missing = sum(count for (key, _), count in counted.items() if key not in granted)
        return missing, sum(counted.values())


def today() -> date:
    return datetime.now(UTC).date()


def midnight() -> float:
    return datetime.combine(today(), datetime.min.time(), UTC).timestamp()


def keys_of(uses: tuple[right_size.PermissionUse, ...]) -> set[str]:
    return {use.key for use in uses}


async def pour(person: Person, token: models.Token, requests: Iterable[Request]) -> Recount:
    """Through the decision log, as checks do."""
    log, recount = DecisionLog(), Recount()
    tenant, row = str(person.admin.tenant_id), str(token.id)
    for at, key, is_allowed in requests:
        reason = None if is_allowed else RefusalReason.NOT_GRANTED
        log.note(tenant, row, "GET", key, reason, "192.0.2.1", "made", "x", at)
        recount.add(at, key, is_allowed)
    await log.close()
    return recount


async def test_suggestion_equals_a_recount_of_a_months_requests(
    service: Service, world: World
) -> None:
    keys = [one.key for one in service.catalogue.permissions]
    random.Random(12).shuffle(keys)
    weekly, monthly, unused, ended = keys[12:15], keys[15:17], set(keys[20:40]), keys[40]
    runs = {**dict.fromkeys(weekly, WEEKLY_RUNS), **dict.fromkeys(monthly, MONTHLY_RUNS)}
    traffic = Traffic(keys[:12], {**runs, ended: ENDED_RUNS}, keys[17], keys[18])
    kept = {*traffic.busy, *weekly, *monthly}
    held = kept | unused | {ended}
    person = await world.person()
    token = (await world.token(person, "t", sorted(held | {traffic.withdrawn}))).token
    await tokens.set_permissions(person.principal, service, token.id, sorted(held))
    recount = await pour(person, token, traffic.requests(DECISIONS, seed=12))
    found = await right_size.right_size(person.principal, token.id)
    assert keys_of(found.used) == set(found.suggested) == kept
    assert keys_of(found.unused) == unused | {ended}
    assert (found.requests_denied, found.requests) == recount.denied(kept, 90)
    assert keys_of(found.denied) == {traffic.withdrawn}
    rhythms = {use.key: use.rhythm for use in (*found.used, *found.unused) if use.rhythm}
    assert rhythms == dict.fromkeys(weekly, Rhythm.WEEKLY) | dict.fromkeys(monthly, Rhythm.MONTHLY)
    for use in found.used:
        assert use.first_at == datetime.fromtimestamp(recount.first[use.key], UTC)
        assert use.last_at == datetime.fromtimestamp(recount.last[use.key], UTC)
    # A short period that no monthly run falls into: they are unused, and stay in the suggestion.
    short = await right_size.right_size(person.principal, token.id, 7)
    assert set(monthly) <= keys_of(short.unused)
    assert set(short.suggested) == kept
    assert (short.requests_denied, short.requests) == recount.denied(keys_of(short.used), 7)
    chance = random.Random(13)
    for days in (1, 7, 30, 90, 400):
        some = {key for key in sorted(held) if chance.random() < 0.6}
        tried = await right_size.preview(
            person.principal, service.catalogue, token.id, sorted(some), days
        )
        assert tried is not None
        assert (tried.requests_denied, tried.requests) == recount.denied(some, days)
        assert keys_of(tried.used) | keys_of(tried.unused) == some


@pytest.mark.parametrize(
    ("days", "weeks", "rhythm"),
    [
        (0, [], None),
        (1, [3], None),
        (20, [0, 1, 2, 3], None),  # on most days
        (4, [0, 1, 2, 3], Rhythm.WEEKLY),
        (8, [1, 2, 3, 4], Rhythm.WEEKLY),  # repeated on the next day
        (3, [0, 2, 4], Rhythm.WEEKLY),  # every second week
        (2, [0, 1], None),  # two uses show nothing
        (2, [1, 5], Rhythm.MONTHLY),
        (4, [2, 6, 11, 15], Rhythm.MONTHLY),
        (4, [0, 13, 26, 39], Rhythm.RARELY),
        (3, [0, 1, 20], None),  # irregular
        (3, [17, 21, 26], None),  # ended
        (2, [10, 14], None),
    ],
)
def test_rhythm_is_recognised(days: int, weeks: list[int], rhythm: Rhythm | None) -> None:
    assert rhythm_of(days, sum(1 << week for week in weeks)) is rhythm


async def test_uses_of_400_days_are_read_within_their_cpu_time(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every permission on each day, beside another token as busy."""
    person = await world.person()
    made = [await world.token(person, "t") for _ in range(2)]
    keys = [one.key for one in service.catalogue.permissions][: repeats(ci=20, soak=121)]
    await _fill(person.admin.tenant_id, [one.token.id for one in made], keys)
    await connection().execute_script("ANALYZE")
    processes, spent = await database_processes(), []
    for _ in range(7):
        began = cpu_seconds(processes)
        found = await permission_uses.uses_of(
            person.admin.tenant_id, made[0].token.id, today() - timedelta(days=89), today()
        )
        spent.append((cpu_seconds(processes) - began) * 1000)
    assert {(uses.days, uses.requests) for uses in found} == {(400, 810)}
    assert len(found) == len(keys)
    assert min(spent) < MAX_MILLISECONDS, spent
    monkeypatch.setattr(permission_uses, "_MAX_OPERATIONS", len(keys) - 1)
    with pytest.raises(QueryTooComplex):
        await permission_uses.uses_of(person.admin.tenant_id, made[0].token.id, today(), today())


async def _fill(tenant_id: UUID, token_ids: list[UUID], keys: list[str]) -> None:
    """400 days of use in the order of time, so that the counts of a permission are far apart."""
    columns = "id, created_at, tenant_id, token_id, key, day, allowed, denied"
    is_embedded = dialect() == "sqlite"
    marks = ", ".join("?" if is_embedded else f"${place}" for place in range(1, 11))
    insert = f"INSERT INTO token_use ({columns}, first_used_at, last_used_at) VALUES ({marks})"
    for start in range(400, 0, -5):  # no statement may take two seconds
        rows = [
            [uuid4(), at, tenant_id, token, key, at.date(), 9, 1, at, at]
            for day in range(start - 1, start - 6, -1)
            for at in (datetime.now(UTC) - timedelta(days=day),)
            for token, key in product(token_ids, keys)
        ]
        async with transaction() as client:
            texts = [[str(one) for one in row] for row in rows]
            await client.execute_many(insert, texts if is_embedded else rows)


async def test_right_size_is_asked_for_over_graphql(
    service: Service, world: World, client: Client
) -> None:
    person, stranger = await world.person(), await world.person()
    keys = [one.key for one in service.catalogue.permissions][:3]
    token = (await world.token(person, "t", keys[:2])).token
    await pour(person, token, [(time.time(), key, True) for key in (keys[0], keys[0], keys[2])])
    shown = "{ used { permission { key } requests } unused { permission { key } lastUsedAt }"
    shown += " suggested { key } wouldDeny { requests of permissions { permission { key } } } }"
    query = f"query ($id: ID!) {{ token(id: $id) {{ rightSize(days: 30) {shown} }} }}"
    answered = await client.of(person).data(query, id=token_id(token))
    assert answered["token"]["rightSize"] == {
        "used": [{"permission": {"key": keys[0]}, "requests": 2}],
        "unused": [{"permission": {"key": keys[1]}, "lastUsedAt": None}],
        "suggested": [{"key": keys[0]}],
        "wouldDeny": {
            "requests": 1,
            "of": 3,
            "permissions": [{"permission": {"key": keys[2]}}],
        },
    }
    tried = "query ($id: ID!, $p: [String!]!) { previewPermissions(tokenId: $id, permissions: $p)"
    tried += f" {shown} }}"
    answered = await client.of(person).data(tried, id=token_id(token), p=[keys[2], keys[2]])
    assert answered["previewPermissions"]["wouldDeny"] == {
        "requests": 2,
        "of": 3,
        "permissions": [{"permission": {"key": keys[0]}}],
    }
    foreign = await client.of(stranger).data(tried, id=token_id(token), p=[keys[2]])
    assert foreign["previewPermissions"] is None


async def test_what_cannot_be_compared_is_refused(service: Service, world: World) -> None:
    person = await world.person()
    token = (await world.token(person, "t")).token
    for days in (0, 401):
        with pytest.raises(InvalidInput, match="1 to 400"):
            await right_size.right_size(person.principal, token.id, days)
    secret = f"tsr_{'a' * 49}"
    with pytest.raises(InvalidInput, match="entry 1") as refused:
        await right_size.preview(person.principal, service.catalogue, token.id, [secret])
    assert secret not in str(refused.value)
    unknown = await right_size.preview(person.principal, service.catalogue, uuid4(), [])
    assert unknown is None
