"""The trail: its numbers and their order, its filter, and who acted on what from where."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count, product
from uuid import RFC_4122, UUID

import pytest

import models
from models import ActivityKind, Role
from server import database
from server.access import activity as writer
from server.access.principal import Operator, SignedInAdmin
from server.access.trail import ActivityFilter
from server.operations import activity, admins, tenants, tokens
from server.paging import PageRequest
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Client, Person, World, token_id

_SKEW_NS = 60 * 1_000_000_000


async def _whole(tenant_id: UUID) -> list[models.Activity]:
    return await models.Activity.filter(tenant_id=tenant_id).order_by("id")


async def _read_on(principal: SignedInAdmin, last: UUID | None, size: int = 7) -> list[UUID]:
    """The ids of the activity after `last`, the earliest first, page by page."""
    found: list[UUID] = []
    while True:
        request = PageRequest(size, last)
        page = await activity.of_tenant(principal, request, newest_first=False)
        found += [row.id for row in page.rows]
        if not page.has_next:
            return found
        last = found[-1]


async def _record_and_fail(person: Person) -> None:
    async with database.transaction():
        await writer.record(person.principal, ActivityKind.SIGNED_OUT, person.admin)
        raise ZeroDivisionError


async def test_a_tenants_activities_are_numbered_without_gaps(world: World) -> None:
    person, other = await world.person(), await world.person()
    for who in (person, other, person, person):
        await world.token(who)
    with pytest.raises(ZeroDivisionError):
        await _record_and_fail(person)
    await world.token(person)
    rows = await _whole(person.admin.tenant_id)
    assert [row.sequence for row in rows] == [1, 2, 3, 4]
    assert [row.sequence for row in await _whole(other.admin.tenant_id)] == [1]
    instants = [row.created_at for row in rows]
    assert instants == sorted(instants)
    for row in rows:
        after = row.created_at + timedelta(microseconds=1)
        first, beyond = (models.id_of_tick(models.tick_from(at)) for at in (row.created_at, after))
        assert first <= row.id < beyond
        assert (row.id.version, row.id.variant) == (7, RFC_4122)


async def test_activities_of_an_undone_part_are_not_written(world: World) -> None:
    person = await world.person()
    async with database.transaction():
        await writer.record(person.principal, ActivityKind.SIGNED_IN, person.admin)
        with pytest.raises(ZeroDivisionError):
            await _record_and_fail(person)
        async with database.transaction():
            await writer.record(person.principal, ActivityKind.PASSWORD_SET, person.admin)
    kinds = [row.kind for row in await _whole(person.admin.tenant_id)]
    assert kinds == [ActivityKind.SIGNED_IN, ActivityKind.PASSWORD_SET]


async def test_clock_that_is_set_back_keeps_the_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await world.person()
    await world.token(person)
    own = models.ActivityCounter.filter(tenant_id=person.admin.tenant_id)
    ahead = models.tick_from(models.now() + timedelta(minutes=1))
    await own.update(tick=ahead)
    await world.token(person)
    await world.token(person)
    rows = await _whole(person.admin.tenant_id)
    assert [row.sequence for row in rows] == [1, 2, 3]
    assert rows[1].created_at == rows[2].created_at == models.instant_of_tick(ahead + 1)


@pytest.fixture
async def two_instances(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Service]:
    """A service whose clock is now a minute ahead, now a minute behind, as of two instances."""
    true_time, turns = time.time_ns, count()

    def skewed() -> int:
        return true_time() + (_SKEW_NS if next(turns) % 2 else -_SKEW_NS)

    # Put back afterwards: the ids of later tests would be a minute ahead.
    monkeypatch.setattr(models.rows, "_last_tick", models.rows._last_tick)
    async with running_service(settings_for(postgres_url)) as service:
        monkeypatch.setattr(time, "time_ns", skewed)
        yield service


async def test_reader_who_goes_on_from_the_last_cursor_misses_nothing(
    two_instances: Service,
) -> None:
    """While tokens are created and renamed concurrently, in transactions of different lengths."""
    world = World(two_instances)
    person = await world.person()
    done = asyncio.Event()
    seen: list[UUID] = []

    async def write(number: int) -> None:
        for turn in range(6):
            made = await world.token(person, f"token {number}.{turn}")
            await asyncio.gather(
                *(tokens.rename(person.principal, made.token.id, f"{n}") for n in range(2)),
            )

    async def read() -> None:
        while not done.is_set():
            seen.extend(await _read_on(person.principal, seen[-1] if seen else None))

    reading = asyncio.create_task(read())
    await asyncio.gather(*(write(number) for number in range(4)))
    done.set()
    await reading
    seen += await _read_on(person.principal, seen[-1])
    rows = await _whole(person.admin.tenant_id)
    assert len(rows) >= 4 * 6 * 2
    assert seen == [row.id for row in rows]
    assert [row.sequence for row in rows] == [*range(1, len(rows) + 1)]


async def test_ids_of_the_instances_clocks_would_miss_some(
    two_instances: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The breach that the test above must find: ids are given before the transactions' end."""
    turns = count()

    async def astray(rows: list[models.Activity]) -> None:
        await writer._number(rows[0].tenant_id, rows)
        for row in rows:
            ahead = timedelta(minutes=1 if next(turns) % 2 else -1)
            row.id = models.id_of_tick(models.tick_from(row.created_at + ahead))
        await models.Activity.bulk_create(rows)

    monkeypatch.setattr(writer, "_write", astray)
    world = World(two_instances)
    person = await world.person()
    for _ in range(6):
        await world.token(person)
    rows = await _whole(person.admin.tenant_id)
    assert [row.sequence for row in rows] != sorted(row.sequence for row in rows)


async def _filled(world: World) -> tuple[Person, Person, list[models.Token]]:
    """A tenant with activity of several actors, kinds and subjects, at instants a minute apart."""
    tenant = await world.tenant()
    owner = await world.person(tenant)
    admin = await world.person(tenant, Role.ADMIN)
    made = [(await world.token(who, "x")).token for who in (owner, admin, owner)]
    for token, (who, name) in product(made, ((owner, "a"), (admin, "b"), (owner, "c"))):
        await tokens.rename(who.principal, token.id, name)
        await tokens.describe(who.principal, token.id, name)
    await admins.set_role(owner.principal, admin.admin.id, Role.AUDITOR)
    await tenants.set_limit(Operator("ada"), tenant.slug, 5)
    await world.token(await world.person())
    return owner, admin, made


async def test_filtered_lists_are_the_same_as_a_scan(world: World) -> None:
    owner, admin, made = await _filled(world)
    rows = await _whole(owner.admin.tenant_id)
    renamed, described = ActivityKind.NAME_CHANGED, ActivityKind.DESCRIPTION_CHANGED
    kinds: list[frozenset[ActivityKind] | None] = [
        None, frozenset(), frozenset({renamed}), frozenset({renamed, described}),
        frozenset(ActivityKind), frozenset(ActivityKind) - {renamed},
        frozenset(ActivityKind) - {described, ActivityKind.CREATED},
    ]  # fmt: skip
    actors = [None, owner.admin.id, admin.admin.id, models.new_id()]
    subjects = [None, made[0].id, admin.admin.id, owner.admin.tenant_id]
    middle = rows[len(rows) // 2].created_at
    times = [(None, None), (middle, None), (None, middle), (rows[3].created_at, middle)]
    for kind, actor, subject, (since, until) in product(kinds, actors, subjects, times):
        wanted = ActivityFilter(kind, actor, subject, since, until)
        expected = [
            row.id
            for row in rows
            if (kind is None or row.kind in kind)
            and actor in (None, row.actor_id)
            and subject in (None, row.subject_id)
            and (since is None or row.created_at >= since)
            and (until is None or row.created_at < until)
        ]
        found = await activity.of_tenant(owner.principal, PageRequest(100), wanted)
        assert [row.id for row in found.rows] == expected[::-1], wanted
        if len(expected) > 3:
            await _assert_pages(owner.principal, wanted, expected)


async def _assert_pages(
    principal: SignedInAdmin, wanted: ActivityFilter, expected: list[UUID]
) -> None:
    """A page in the middle, in both orders and directions, says what is on its sides."""
    for newest_first, backwards in itertools.product((True, False), (True, False)):
        request = PageRequest(
            2, expected[-2] if newest_first is not backwards else expected[1], backwards
        )
        page = await activity.of_tenant(principal, request, wanted, newest_first=newest_first)
        ids = [row.id for row in page.rows]
        ordered = expected[::-1] if newest_first else expected
        assert request.position
        place = ordered.index(request.position)
        there = ordered[max(0, place - 2) : place] if backwards else ordered[place + 1 : place + 3]
        assert ids == there
        assert page.has_next is (backwards or place + 3 < len(ordered))
        assert page.has_previous is (not backwards or place > 2)


async def test_activity_says_who_acted_on_what_and_from_where(client: Client, world: World) -> None:
    owner = await world.person()
    tenant = await models.Tenant.get(id=owner.admin.tenant_id)
    admin = await world.person(tenant, Role.ADMIN)
    await client.of(owner).mutate("setAdminRole", adminId=admin.id, role="AUDITOR")
    await tenants.set_limit(Operator("ada"), tenant.slug, 5)
    data = await client.of(owner).data(
        """{ activity { edges { node { __typename sequence actorKind actorName actor { id }
            clientAddress
            token { id } admin { id } ... on AdminRoleSet { previousRole role }
            ... on TenantLimitSet { previousRequestsPerHour requestsPerHour } } } } }"""
    )
    assert [edge["node"] for edge in data["activity"]["edges"]] == [
        {
            "__typename": "TenantLimitSet", "sequence": 2, "actorKind": "OPERATOR",
            "actorName": "ada", "actor": None, "clientAddress": None, "token": None, "admin": None,
            "previousRequestsPerHour": None, "requestsPerHour": 5,
        },
        {
            "__typename": "AdminRoleSet", "sequence": 1, "actorKind": "ADMIN",
            "actorName": owner.admin.name, "actor": {"id": owner.id}, "clientAddress": "127.0.0.1",
            "token": None, "admin": {"id": admin.id}, "previousRole": "ADMIN", "role": "AUDITOR",
        },
    ]  # fmt: skip


async def test_filter_of_the_api_takes_global_ids(client: Client, world: World) -> None:
    owner, admin, made = await _filled(world)
    stranger = await world.person()
    query = """query ($filter: ActivityFilter, $kind: ActivityKind) {
        activity(first: 100, filter: $filter, kind: $kind) { edges { node { sequence } } } }"""

    async def count_of(kind: str | None = None, who: Person = owner, **wanted: object) -> int:
        data = await client.of(who).data(query, filter=wanted, kind=kind)
        return len(data["activity"]["edges"])

    assert await count_of() == 23
    assert await count_of(subjectId=token_id(made[0])) == 7
    assert await count_of(subjectId=token_id(made[0]), actorId=admin.id) == 2
    assert await count_of(kinds=["NAME_CHANGED", "CREATED"]) == 12
    assert await count_of("CREATED", kinds=["NAME_CHANGED", "CREATED"]) == 3
    assert await count_of("CREATED", kinds=["NAME_CHANGED"]) == 0
    assert await count_of(since="2001-01-01T00:00:00Z", until="2002-01-01T00:00:00Z") == 0
    assert await count_of(until="9999-12-31T23:59:59Z") == 23
    for nothing in ("", "x", stranger.id, "VG9rZW46MA"):
        assert await count_of(actorId=nothing) == 0
        assert await count_of(subjectId=nothing) == 0
    assert await count_of(who=stranger, subjectId=token_id(made[0])) == 0


async def test_newer_activity_is_read_before_a_cursor(client: Client, world: World) -> None:
    owner = await world.person()
    await world.token(owner)
    page = """query ($before: String) { activity(last: 2, before: $before) {
        edges { node { sequence } } pageInfo { startCursor hasPreviousPage } } }"""
    first = (await client.of(owner).data(page))["activity"]
    cursor = first["pageInfo"]["startCursor"]
    for _ in range(3):
        await world.token(owner)
    next_page = (await client.of(owner).data(page, before=cursor))["activity"]
    assert [edge["node"]["sequence"] for edge in next_page["edges"]] == [3, 2]
    assert next_page["pageInfo"]["hasPreviousPage"] is True
