"""Both sides of every instant that ends a secret, by the clock of the database.

Expiry, the end of a drain, and `latestBy`: the instances' own clocks may be wrong.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

import models
from server.access.principal import IntrospectionClient
from server.database import connection, database_now, dialect
from server.dataplane import authorize
from server.decisions.terms import STATE
from server.operations import conditions
from server.operations.introspection import introspect
from server.service import Service
from tests.support.factories import World
from tests.support.rotations import LIVES, RETIRED, Case, in_ms, rotation_case

# The clock of an instance beside that of the database.
HOUR = timedelta(hours=1)
# Where looks begin, before the instant. Each round begins earlier than the one before, until all
# looks come in that time on a busy machine too.
NEAR = timedelta(milliseconds=60)
# Still to come when it is set, on a busy machine too.
_FROM_NOW_MS = 1000
# On a busy machine a look takes longer than usual.
_ROUNDS = 30
_TENANT = "SELECT NULL AS suspended_at"
# A secret's row whose instants are this far, in milliseconds, from the moment of the statement.
_ROW = {
    "postgres": """
        SELECT NULL AS closed_by, NULL AS block,
            statement_timestamp() + {retires} * interval '1 millisecond' AS retires_at,
            statement_timestamp() + {expires} * interval '1 millisecond' AS expires_at
    """,
    "sqlite": """
        SELECT NULL AS closed_by, NULL AS block,
            strftime('%Y-%m-%d %H:%M:%f', 'now', ({retires} / 1000.0) || ' seconds')
                || '000+00:00' AS retires_at,
            strftime('%Y-%m-%d %H:%M:%f', 'now', ({expires} / 1000.0) || ' seconds')
                || '000+00:00' AS expires_at
    """,
}


@pytest.mark.parametrize(
    ("retires", "expires", "state"),
    [
        (1, 1, None), (0, 1, "RETIRED"), (-1, 1, "RETIRED"), (1, 0, "EXPIRED"),
        (1, -1, "EXPIRED"), (0, 0, "RETIRED"), ("NULL", 1, None), ("NULL", 0, "EXPIRED"),
        (1, "NULL", None), (0, "NULL", "RETIRED"), ("NULL", "NULL", None),
    ],
)  # fmt: skip
async def test_instant_is_compared_to_the_millisecond(
    service: Service, retires: int | str, expires: int | str, state: str | None
) -> None:
    row = _ROW[dialect()].format(retires=retires, expires=expires)
    rows = f"({row}) s, ({_TENANT}) t"
    found = await connection().execute_query(f"SELECT {STATE[dialect()]} AS state FROM {rows}")
    assert found[1][0]["state"] == state


@pytest.fixture
async def case(service: Service, world: World) -> AsyncIterator[Case]:
    async with rotation_case(service, world) as one:
        yield one


class End(NamedTuple):
    """A secret and the instant from which it is refused, with that answer."""

    secret: str
    at: datetime
    refusal: tuple[int, str]


async def by_expiry(case: Case) -> End:
    wanted = await in_ms(_FROM_NOW_MS)
    token = await conditions.set_expiry(case.person.principal, case.token.id, wanted)
    assert token.expires_at
    return End(case.secret, token.expires_at, (401, "TOKEN_EXPIRED"))


async def by_latest_by(case: Case) -> End:
    old, case.secret = case.secret, await case.rotate(latest_by=await in_ms(_FROM_NOW_MS))
    row = await models.TokenRotation.get(tenant_id=case.tenant.id, id=case.token.id)
    assert row.old_secret_ends_at == row.latest_by is not None
    return End(old, row.latest_by, RETIRED)


async def by_drain(case: Case) -> End:
    old, case.secret = case.secret, await case.rotate(drain_seconds=1)
    before = await database_now()
    await case.use(case.secret)
    row = await case.under_way()
    assert row
    assert row.picked_up_at
    assert row.old_secret_ends_at == row.picked_up_at + timedelta(seconds=1)
    assert before - timedelta(milliseconds=1) < row.picked_up_at <= await database_now()
    return End(old, row.old_secret_ends_at, RETIRED)


async def is_allowed(case: Case, end: End) -> bool:
    answer = await case.ask(end.secret)
    assert answer in (LIVES, end.refusal)
    return answer == LIVES


async def is_active(case: Case, end: End) -> bool:
    client = IntrospectionClient(models.new_id())
    return await introspect(client, case.service, end.secret) is not None


async def is_shown(case: Case, end: End) -> bool:
    """Whether a page shows an active token, or one whose rotation has not ended."""
    if end.refusal == RETIRED:
        return await case.under_way() is not None
    token = await models.Token.get(tenant_id=case.tenant.id, id=case.token.id)
    return await conditions.states(case.person.principal, [token]) == ["ACTIVE"]


@pytest.mark.parametrize("clock_error", [HOUR, -HOUR], ids=["ahead", "behind"])
@pytest.mark.parametrize("ends", [by_expiry, by_latest_by, by_drain])
async def test_secret_lives_until_its_end_and_not_beyond(
    case: Case,
    monkeypatch: pytest.MonkeyPatch,
    ends: Callable[[Case], Awaitable[End]],
    clock_error: timedelta,
) -> None:
    now, clock = models.now, time.time
    monkeypatch.setattr(models, "now", lambda: now() + clock_error)
    # Of every module that asks for the time by its module, and of the one that does not.
    monkeypatch.setattr(time, "time", lambda: clock() + clock_error.total_seconds())
    monkeypatch.setattr(authorize, "time", time.time)
    seen = set[tuple[str, bool]]()
    for round_ in range(1, _ROUNDS + 1):
        end = await ends(case)
        begin = end.at - NEAR * round_
        await asyncio.sleep(max(0.0, (begin - await database_now()).total_seconds()))
        while await database_now() < end.at:
            seen |= {await looked(case, end, look) for look in LOOKS}
        seen |= {await looked(case, end, look) for look in LOOKS}
        if seen >= {(look.__name__, lives) for look in LOOKS for lives in (True, False)}:
            return
        await conditions.set_expiry(case.person.principal, case.token.id, None)
    pytest.fail(f"not both sides were seen, but {seen}")


LOOKS = (is_allowed, is_active, is_shown)


async def looked(
    case: Case, end: End, look: Callable[[Case, End], Awaitable[bool]]
) -> tuple[str, bool]:
    """The result of a lookup, right by the database's clock just before and just after it."""
    began = await database_now()
    lives = await look(case, end)
    # One that meets the instant may answer either.
    assert await database_now() >= end.at or lives, look
    assert began < end.at or not lives, look
    return look.__name__, lives
