"""A batch of decisions is counted once, however often it is tried."""

import asyncio
import time
from typing import Any

import asyncpg
import pytest

import models
from server.decisions import log_rows
from server.decisions.log import DecisionLog
from server.starting import running_service
from tests.conftest import settings_for
from tests.server.decisions.test_log import KEY, counts, decision
from tests.support.factories import World


@pytest.mark.parametrize("takes_effect", [True, False])
async def test_batch_is_counted_once_when_the_answer_to_its_commit_is_lost(
    takes_effect: bool,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running_service(settings_for(postgres_url)) as service:
        world, record = World(service), DecisionLog()
        person = await world.person()
        token = (person.admin.tenant_id, (await world.token(person)).token.id)
        commit, lost = asyncpg.transaction.Transaction.commit, 2

        async def unanswered(transaction: Any) -> None:
            nonlocal lost
            lost -= 1
            if lost < 0 or takes_effect:
                await commit(transaction)
            if lost >= 0:
                raise TimeoutError

        monkeypatch.setattr(asyncpg.transaction.Transaction, "commit", unanswered)
        for _ in range(3):
            for _ in range(5):
                record.note(*decision(*token), is_old_secret=True)
                record.note(*decision(*token, denied=True))
            await record.close()
        assert lost < 0
        assert await counts(token[0]) == (15, 15)
        assert await models.TokenRefusal.filter(tenant_id=token[0]).count() == 15
        [old] = await models.SecretUse.filter(tenant_id=token[0])
        assert old.requests == 15


@pytest.mark.parametrize("takes_effect", [True, False])
async def test_batch_waits_for_its_earlier_try_to_end(
    takes_effect: bool, postgres_url: str
) -> None:
    async with running_service(settings_for(postgres_url)) as service:
        tenant_id = (await World(service).person()).admin.tenant_id
        at = time.time()
        use = (str(tenant_id), str(models.new_id()), KEY, log_rows.day_of(at))
        batch = log_rows.Unwritten({use: log_rows.Use(1, 0, at, at)})
        connection = await asyncpg.connect(postgres_url)
        try:
            earlier = connection.transaction()
            await earlier.start()
            await connection.execute("INSERT INTO decision_batch VALUES ($1, now())", batch.id)
            again = asyncio.create_task(log_rows.write(batch))
            await asyncio.sleep(0.3)
            assert not again.done()
            await (earlier.commit() if takes_effect else earlier.rollback())
            await again
        finally:
            await connection.close()
        assert await counts(tenant_id) == (0 if takes_effect else 1, 0)
