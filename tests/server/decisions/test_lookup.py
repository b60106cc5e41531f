"""Lookups of concurrent checks share queries, and each gets its own result."""

import asyncio

import pytest

import models
from server.database import own_pool
from server.decisions import lookup_postgres, lookup_sqlite
from server.decisions.lookup import lookup_in
from server.decisions.lookup_postgres import PostgresLookup
from server.decisions.question import Question
from server.decisions.terms import Terms
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import World
from tests.support.lookups import find

KEY = "GET /api/v1/devices"
FINGERPRINT = models.permission_fingerprint(KEY)


@pytest.mark.parametrize("together", [1, 7, 256])
async def test_concurrent_lookups_each_get_their_own_answer(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    """300 lookups, of which a query takes at most `together`."""
    for module in (lookup_postgres, lookup_sqlite):
        monkeypatch.setattr(module, "MAX_TOGETHER", together)
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    made = [await world.token(person, "t", [KEY] if n % 2 else []) for n in range(4)]
    digests = [service.digest_key.digests("token", one.secret) for one in made]
    asked: list[Question] = [(tenant.slug, "us", digests[n % 4], FINGERPRINT) for n in range(300)]
    asked[50::50] = [(tenant.slug, "eu", digests[0], FINGERPRINT)] * 5
    asked[25::50] = [(tenant.slug, None, digests[1], FINGERPRINT)] * 6  # hosts without a region
    lookup = lookup_in(service.settings)
    try:
        async with asyncio.timeout(20):
            found = await asyncio.gather(*(find(lookup, question) for question in asked))
    finally:
        lookup.close()
    for n, terms in enumerate(found):
        if n and n % 50 == 0:
            assert terms is None
        elif n % 50 == 25:
            assert terms == Terms(str(tenant.id), None, str(made[1].token.id), None, holds=True)
        else:
            held = bool(n % 2)
            expected = Terms(str(tenant.id), None, str(made[n % 4].token.id), None, held)
            assert terms == expected


async def test_lookups_are_planned_once_a_connection(postgres_url: str) -> None:
    """PostgreSQL would otherwise plan each one for its values, in several times its own time."""
    async with running_service(settings_for(postgres_url)):
        pool = own_pool(1)
        lookup = PostgresLookup(pool)
        try:
            for number in range(8):
                assert await find(lookup, (f"tenant-{number}", "us", (b"x",), FINGERPRINT)) is None
            async with pool.statement(lists=True) as held:
                [[kept, anew]] = await held.fetch(
                    "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
                    " WHERE statement LIKE $1",
                    "%JOIN token_secret%",
                )
        finally:
            lookup.close()
    assert (kept, anew) == (8, 0)
