"""One's own sessions: listed for their admin alone, and ended at once by the one that stays."""

import asyncio
from datetime import timedelta
from typing import Any

import models
from models import ActivityKind, Role
from server.access.sessions import IDLE
from server.operations import sessions
from tests.support.factories import PASSWORD, Client, Person, World

_LIST = "{ sessions { signedInAt lastSeenAt expiresAt isCurrent address userAgent } }"
_END = (
    "mutation ($input: EndOtherSessionsInput! = {}) { endOtherSessions(input: $input)"
    " { ... on EndOtherSessionsPayload { endedSessionCount } } }"
)


async def _status(client: Client, person: Person) -> int:
    return (await client.of(person).graphql(_LIST)).status_code


async def _colleague(world: World, person: Person) -> Person:
    return await world.person(await models.Tenant.get(id=person.admin.tenant_id), Role.ADMIN)


async def test_list_has_ones_own_sessions_and_marks_this_one(client: Client, world: World) -> None:
    here = await world.person()
    there = await world.sign_in(here.admin)
    colleague = await _colleague(world, here)
    listed = (await client.of(here).data(_LIST))["sessions"]
    assert [one["isCurrent"] for one in listed] == [False, True]
    assert listed[0]["signedInAt"] > listed[1]["signedInAt"]
    listed = (await client.of(there).data(_LIST))["sessions"]
    assert [one["isCurrent"] for one in listed] == [True, False]
    assert len((await client.of(colleague).data(_LIST))["sessions"]) == 1


async def test_list_says_from_where_and_by_what_one_signed_in(client: Client, world: World) -> None:
    """As the client said it then, cut, and without characters that could deceive."""
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    given = {"tenant": tenant.slug, "email": person.admin.email, "password": PASSWORD}
    agents = ["Mozilla/5.0 (X11)", "a\u202eb".encode() + b"\x80\x7f", "x " * 150, None]
    for agent in agents:
        client.http.headers.pop("User-Agent", None)
        headers: Any = {} if agent is None else {"User-Agent": agent}
        answer = await client.http.post("/session", json=given, headers=headers)
        assert answer.status_code == 201
    listed = (await client.of(person).data(_LIST))["sessions"]
    assert [one["address"] for one in listed] == ["127.0.0.1"] * 4 + [None]
    assert [one["userAgent"] for one in listed] == [
        "", ("x " * 150)[:255], "a???b??", "Mozilla/5.0 (X11)", None,
    ]  # fmt: skip


async def test_those_of_long_ago_end_alone(client: Client, world: World) -> None:
    here = await world.person()
    old, young = await world.sign_in(here.admin), await world.sign_in(here.admin)
    at = models.now() - timedelta(hours=2)
    own = models.Session.filter(tenant_id=here.admin.tenant_id)
    await own.filter(id__in=[one.principal.session_id for one in (old, here)]).update(created_at=at)
    before = {"signedInBefore": (at + timedelta(seconds=1)).isoformat()}
    ended = await client.of(here).data(_END, input=before)
    assert ended == {"endOtherSessions": {"endedSessionCount": 1}}
    assert [await _status(client, one) for one in (here, old, young)] == [200, 401, 200]


async def test_sessions_that_ended_are_neither_listed_nor_counted(
    client: Client, world: World
) -> None:
    here = await world.person()
    there = await world.sign_in(here.admin)
    rows = models.Session.filter(tenant_id=here.admin.tenant_id)
    idle = rows.filter(id=there.principal.session_id)
    await idle.update(last_seen_at=models.now() - IDLE - timedelta(seconds=1))
    assert len((await client.of(here).data(_LIST))["sessions"]) == 1
    ended = await client.of(here).data(_END)
    assert ended == {"endOtherSessions": {"endedSessionCount": 0}}
    assert await rows.count() == 1
    assert await models.Activity.filter(tenant_id=here.admin.tenant_id).count() == 0


async def test_others_end_at_once_and_this_one_and_colleagues_stay(
    client: Client, world: World
) -> None:
    here = await world.person()
    there = [await world.sign_in(here.admin) for _ in range(2)]
    colleague = await _colleague(world, here)
    ended = await client.of(here).data(_END)
    assert ended == {"endOtherSessions": {"endedSessionCount": 2}}
    assert [await _status(client, one) for one in there] == [401, 401]
    assert [await _status(client, one) for one in (here, colleague)] == [200, 200]
    [noted] = await models.Activity.filter(tenant_id=here.admin.tenant_id)
    assert noted.kind is ActivityKind.SESSIONS_ENDED
    assert (noted.actor_id, noted.subject_id) == (here.admin.id, here.admin.id)
    assert noted.details == {"sessions": 2}


async def test_of_two_that_end_each_other_one_stays(client: Client, world: World) -> None:
    """The second was authenticated before its session ended: it ends nothing any more."""
    here = await world.person()
    both = [here, await world.sign_in(here.admin)]
    done = await asyncio.gather(
        *(sessions.end_others(one.principal) for one in both), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["Unauthenticated", "int"]
    assert sorted([await _status(client, one) for one in both]) == [200, 401]
