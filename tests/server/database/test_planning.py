"""How PostgreSQL plans reads: lists by kept plans in the order of an index, all else as usual."""

import asyncio
from collections.abc import AsyncIterator

import pytest

import models
from server import database
from server.database import StatementTooLong
from server.database.connections import note_distributed
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Person, World

_SETTING = "SELECT current_setting('enable_sort'), current_setting('plan_cache_mode')"
_LIST, _USUAL = ("off", "force_generic_plan"), ("on", "auto")
_TIMES = 8


@pytest.fixture
async def person(postgres_url: str) -> AsyncIterator[Person]:
    async with running_service(settings_for(postgres_url)) as service:
        yield await World(service).person()


async def _settings(*, may_sort: bool) -> tuple[str, ...]:
    [row] = await database.fetch(_SETTING, [], may_sort=may_sort)
    return tuple(row)


@pytest.mark.usefixtures("person")
async def test_reads_are_planned_as_lists_unless_they_may_sort() -> None:
    for _ in range(3):
        assert await _settings(may_sort=False) == _LIST
        assert await _settings(may_sort=True) == _USUAL
    asked = [bool(number % 2) for number in range(40)]
    found = await asyncio.gather(*(_settings(may_sort=may_sort) for may_sort in asked))
    assert found == [_USUAL if may_sort else _LIST for may_sort in asked]


@pytest.mark.usefixtures("person")
async def test_transactions_and_other_statements_are_planned_as_usual() -> None:
    async def changed() -> tuple[str, ...]:
        async with database.transaction() as client:
            [row] = (await client.execute_query(_SETTING))[1]
            within = tuple(await database.fetch(_SETTING, []))
        assert [tuple(one) for one in within] == [_USUAL]
        return tuple(row)

    async def single() -> tuple[str, ...]:
        [row] = (await database.connection().execute_query(_SETTING))[1]
        return tuple(row)

    assert await _settings(may_sort=False) == _LIST
    rounds = [one() for _ in range(20) for one in (changed, single)]
    lists = [_settings(may_sort=False) for _ in range(20)]
    assert set(await asyncio.gather(*rounds)) == {_USUAL}
    assert set(await asyncio.gather(*lists)) == {_LIST}


async def test_plan_of_a_page_is_made_once_a_connection(person: Person) -> None:
    for _ in range(_TIMES):
        await models.Token.filter(tenant_id=person.admin.tenant_id)
        await database.fetch(
            "SELECT id FROM token WHERE tenant_id = $1 ORDER BY id LIMIT 51",
            [person.admin.tenant_id],
        )
    rows = await database.fetch(
        "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
        " WHERE statement LIKE 'SELECT id FROM token WHERE%LIMIT 51'",
        [],
    )
    assert sum(row[0] for row in rows) == _TIMES
    assert sum(row[1] for row in rows) == 0


@pytest.mark.usefixtures("person")
async def test_a_cancelled_change_of_planning_is_made_again() -> None:
    assert await _settings(may_sort=True) == _USUAL
    for _ in range(30):
        reading = asyncio.create_task(_settings(may_sort=False))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert await _settings(may_sort=True) == _USUAL
        assert await _settings(may_sort=False) == _LIST


@pytest.mark.usefixtures("person")
async def test_statement_beyond_its_time_fails_alone() -> None:
    with pytest.raises(StatementTooLong):
        await database.fetch("SELECT pg_sleep(20)", [], seconds=0.2)
    assert await _settings(may_sort=False) == _LIST
    async with database.transaction():
        with pytest.raises(StatementTooLong):
            await database.fetch("SELECT pg_sleep(20)", [], seconds=0.2)


@pytest.mark.usefixtures("person")
async def test_lists_of_a_distributed_database_are_planned_for_their_values() -> None:
    """Citus has no plan of a statement for any values: it finds the node by them."""
    assert await _settings(may_sort=False) == _LIST
    note_distributed()
    for _ in range(3):
        assert await _settings(may_sort=False) == _USUAL
    checks = database.own_pool(1)
    async with checks.statement(lists=True) as held:
        [row] = await held.fetch(_SETTING)
    checks.terminate()
    assert tuple(row) == _USUAL
