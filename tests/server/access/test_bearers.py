"""Lookups of concurrent checks share queries, and each gets its own answer."""

import asyncio

import pytest

import models
from server.access import bearers
from server.access.bearers import Bearer, Bearers, Question, bearers_of
from server.service import Service
from tests.support.factories import World

KEY = "GET /api/v1/devices"
FINGERPRINT = models.permission_fingerprint(KEY)


class Asker:
    """Receives the result of one lookup and waits for it."""

    def __init__(self) -> None:
        self.told: asyncio.Future[Bearer | None] = asyncio.get_running_loop().create_future()

    def found(self, bearer: Bearer | None) -> None:
        self.told.set_result(bearer)

    def failed(self, error: Exception) -> None:
        self.told.set_exception(error)


async def find(lookup: Bearers, question: Question) -> Bearer | None:
    asker = Asker()
    lookup.find(question, asker)
    return await asker.told


@pytest.mark.parametrize("together", [1, 7, 256])
async def test_concurrent_lookups_each_get_their_own_answer(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    """300 lookups, of which a query takes at most `together`."""
    monkeypatch.setattr(bearers, "_MAX_TOGETHER", together)
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    made = [await world.token(person, "t", [KEY] if n % 2 else []) for n in range(4)]
    digests = [service.digest_key.digests("token", one.secret) for one in made]
    asked = [(tenant.slug, "us", digests[n % 4], FINGERPRINT) for n in range(300)]
    asked[50::50] = [(tenant.slug, "eu", digests[0], FINGERPRINT)] * 5
    lookup = bearers_of(service.settings)
    try:
        async with asyncio.timeout(20):
            found = await asyncio.gather(*(find(lookup, question) for question in asked))
    finally:
        lookup.close()
    for n, bearer in enumerate(found):
        if n and n % 50 == 0:
            assert bearer is None
        else:
            expected = (str(tenant.id), None, str(made[n % 4].token.id), False, bool(n % 2))
            assert bearer == expected
