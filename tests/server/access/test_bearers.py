"""Looking tokens up: of many that ask at once, each has its own answer."""

import asyncio

import pytest

import models
from server.access import bearers
from server.access.bearers import Question, bearers_of
from server.service import Service
from tests.factories import World

KEY = "GET /api/v1/devices"


@pytest.mark.parametrize("together", [1, 7, 256])
async def test_each_has_its_own_answer(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    """More queries than go over one connection in a row, and one for all of them."""
    monkeypatch.setattr(bearers, "_MOST_TOGETHER", together)
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    made = [await world.token(person, "t", [KEY] if n % 2 else []) for n in range(4)]
    digests = [service.digest_key.digest("token", one.secret) for one in made]
    asked = [Question(tenant.slug, "us", digests[n % 4], KEY) for n in range(300)]
    asked[50::50] = [Question(tenant.slug, "eu", digests[0], KEY)] * 5
    lookup = bearers_of(service.settings)
    try:
        async with asyncio.timeout(20):
            found = await asyncio.gather(*map(lookup.find, asked))
    finally:
        lookup.close()
    for n, bearer in enumerate(found):
        if n and n % 50 == 0:
            assert bearer is None
        else:
            expected = (str(tenant.id), None, str(made[n % 4].token.id), False, bool(n % 2))
            assert bearer == expected


async def test_who_no_longer_waits_is_in_nobodys_way(service: Service) -> None:
    lookup = bearers_of(service.settings)
    question = Question("nobody", None, b"", KEY)
    gone, stays = lookup.find(question), lookup.find(question)
    gone.cancel()
    async with asyncio.timeout(5):
        assert await stays is None
    lookup.close()
