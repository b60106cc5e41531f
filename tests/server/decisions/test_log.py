"""The decision log: written within seconds, exact, bounded, and in the background."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any
from uuid import UUID

import asyncpg
import pytest

import models
from models import RefusalReason
from server import database
from server.app import create_app
from server.decisions import log as recording
from server.decisions import log_rows
from server.decisions.log import DecisionLog
from server.monitoring.metrics import RECORDS_DROPPED
from server.operations import tokens
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Person, World
from tests.support.gateways import Gateway, gateway
from tests.support.process import ROOT, ServerProcess
from tests.support.waiting import until
from tests.support.wire import Wire, check

KEY = "GET /api/v1/devices"
_LOCK = "SELECT FROM {} WHERE tenant_id = $1 FOR UPDATE"


def decision(
    tenant_id: UUID, token_id: UUID, *, key: str = KEY, denied: bool = False, at: float = 0
) -> tuple[str, str, str, str, RefusalReason | None, str, str, str, float]:
    """Arguments of `DecisionLog.note`."""
    reason = RefusalReason.NOT_GRANTED if denied else None
    at = at or time.time()
    ids = str(tenant_id), str(token_id)
    return *ids, "GET", key, reason, "192.0.2.1", "probe", "r", at


@pytest.fixture
async def record() -> AsyncIterator[DecisionLog]:
    made = DecisionLog()
    yield made
    await made.close()


async def counts(tenant_id: UUID) -> tuple[int, int]:
    rows = await models.TokenUse.filter(tenant_id=tenant_id)
    return sum(row.allowed for row in rows), sum(row.denied for row in rows)


async def test_decisions_are_written_within_five_seconds_and_a_kill_loses_no_older_ones(
    tmp_path: Path,
) -> None:
    url = f"sqlite://{tmp_path}/tessera.db"
    async with running_service(settings_for(url)) as service:
        person = await World(service).person()
        tenant = await models.Tenant.get(id=person.admin.tenant_id)
        made = await tokens.create(person.principal, service, name="t", permissions=[KEY])
        request = check(f"{tenant.slug}.api.us.example.com", made.secret)
        with ServerProcess(tmp_path, database_url=url) as server:
            async with Wire(server.port) as wire:
                for _ in range(300):
                    assert await wire.ask(request) == 200

                async def all_are_counted() -> bool:
                    return await counts(tenant.id) == (300, 0)

                await until(all_are_counted)
                used = models.TokenLastUse.filter(tenant_id=tenant.id, id=made.token.id)
                assert await used.exists()
                for _ in range(200):
                    assert await wire.ask(request) == 200
            server.kill9()
        allowed, _ = await counts(tenant.id)
        assert 300 <= allowed <= 500


async def test_stopped_server_writes_all_decisions(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/tessera.db"
    async with running_service(settings_for(url)) as service:
        person = await World(service).person()
        tenant = await models.Tenant.get(id=person.admin.tenant_id)
        made = await tokens.create(person.principal, service, name="t", permissions=[KEY])
        request = check(f"{tenant.slug}.api.us.example.com", made.secret)
        with ServerProcess(tmp_path, database_url=url) as server:
            async with Wire(server.port) as wire:
                for _ in range(50):
                    assert await wire.ask(request) == 200
            assert server.stop() == 0
        assert await counts(tenant.id) == (50, 0)


async def test_full_buffer_drops_and_counts_decisions_without_waiting(
    world: World, record: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MAX_USES", 5)
    person = await world.person()
    made = [await world.token(person) for _ in range(8)]
    tenant_id, before = person.admin.tenant_id, RECORDS_DROPPED._value.get()
    for token in made:
        record.note(*decision(tenant_id, token.token.id))
        # A decision that only increases a buffered count always fits.
        record.note(*decision(tenant_id, made[0].token.id))
    assert RECORDS_DROPPED._value.get() - before == 3
    await record.close()
    assert await counts(tenant_id) == (13, 0)


async def test_batch_of_an_outage_is_written_later_and_once(
    world: World, record: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await world.person()
    token = (person.admin.tenant_id, (await world.token(person)).token.id)
    write, failures = log_rows.write, 2

    async def sometimes(batch: log_rows.Unwritten) -> None:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise TimeoutError
        await write(batch)

    monkeypatch.setattr(log_rows, "write", sometimes)
    for number in range(3):
        for _ in range(5):
            record.note(*decision(*token))
            record.note(*decision(*token, denied=True))
        await record.close()
        assert await counts(token[0]) == ((0, 0) if number < 2 else (15, 15))
    kept = await models.TokenRefusal.filter(tenant_id=token[0]).count()
    assert kept == 15


async def test_batches_are_written_one_after_another_and_none_is_lost(
    world: World, record: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await world.person()
    token = (person.admin.tenant_id, (await world.token(person)).token.id)
    write, at_once, most = log_rows.write, 0, 0

    async def slowly(batch: log_rows.Unwritten) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.1)
        await write(batch)
        at_once -= 1

    monkeypatch.setattr(log_rows, "write", slowly)
    monkeypatch.setattr(recording, "_WRITE_AFTER_SECONDS", 0.02)
    for _ in range(40):
        record.note(*decision(*token))
        await asyncio.sleep(0.01)
    await record.close()
    assert (most, at_once) == (1, 0)
    assert await counts(token[0]) == (40, 0)


async def test_large_batch_does_not_hold_up_requests(world: World, record: DecisionLog) -> None:
    """Measured in calls of our own code between two turns of the event loop, not in seconds."""
    tenant_id = (await world.person()).admin.tenant_id
    for _ in range(5_000):
        record.note(*decision(tenant_id, models.new_id(), denied=True))
    longest, turn, own = 0, 0, f"{ROOT}/server/"

    def counted(frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal turn
        turn += event == "call" and frame.f_code.co_filename.startswith(own)

    async def turns() -> None:
        nonlocal longest, turn
        while True:
            await asyncio.sleep(0)
            longest, turn = max(longest, turn), 0

    others = asyncio.create_task(turns())
    sys.setprofile(counted)
    try:
        await record.close()
    finally:
        sys.setprofile(None)
        others.cancel()
    assert await counts(tenant_id) == (0, 5_000)
    assert 100 < longest < 1_000


async def test_batch_that_can_never_be_written_is_dropped_and_logged(
    world: World,
    record: DecisionLog,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    person = await world.person()

    async def never(_batch: log_rows.Unwritten) -> None:
        raise ValueError("a mistake of ours")

    monkeypatch.setattr(log_rows, "write", never)
    before = RECORDS_DROPPED._value.get()
    record.note(*decision(person.admin.tenant_id, person.admin.id))
    await record.close()
    assert RECORDS_DROPPED._value.get() - before == 1
    assert "decisions could not be recorded" in caplog.text


async def test_concurrent_writes_of_two_instances_add_up(world: World) -> None:
    person = await world.person()
    made = [(await world.token(person)).token.id for _ in range(20)]
    tenant_id = person.admin.tenant_id

    async def instance(seed: int) -> None:
        record, choose = DecisionLog(), random.Random(seed)
        for _ in range(4):
            for token in choose.sample(made, len(made)):
                record.note(*decision(tenant_id, token, denied=choose.random() < 0.5))
            await record.close()

    await asyncio.gather(*map(instance, range(4)))
    assert sum(await counts(tenant_id)) == 4 * 4 * 20


async def test_trimming_of_refusals_does_not_wait_for_another_instance(
    postgres_url: str, record: DecisionLog
) -> None:
    """Two instances that trim the same tokens in different order would deadlock."""
    await database.migrate(settings_for(postgres_url))
    async with running_service(settings_for(postgres_url)) as service:
        tenant_id = (await World(service).person()).admin.tenant_id
        token_id, more = models.new_id(), 5
        connection = await asyncpg.connect(postgres_url)

        async def refuse(times: int) -> None:
            for _ in range(times):
                record.note(*decision(tenant_id, token_id, denied=True))
            async with asyncio.timeout(1.5):
                await record.close()

        try:
            await refuse(log_rows.KEPT_REFUSALS)
            async with connection.transaction():
                await connection.execute(_LOCK.format("token_refusal"), tenant_id)
                await refuse(more)
            await refuse(more)
        finally:
            await connection.close()
        assert await counts(tenant_id) == (0, log_rows.KEPT_REFUSALS + 2 * more)
        kept = models.TokenRefusal.filter(tenant_id=tenant_id)
        assert await kept.count() == log_rows.KEPT_REFUSALS


async def test_last_use_only_moves_forward_and_touches_the_token_once(
    world: World, record: DecisionLog
) -> None:
    person = await world.person()
    made = await world.token(person, "t", [KEY])
    await tokens.rename(person.principal, made.token.id, "another")
    token = (person.admin.tenant_id, made.token.id)
    made_token = await models.Token.get(tenant_id=token[0], id=token[1])
    now = time.time()
    record.note(*decision(*token, at=now))
    await record.close()
    before = await models.Token.get(tenant_id=token[0], id=token[1])
    for name in {*models.Token._meta.fields_map} - {"first_used_at"}:
        assert getattr(before, name) == getattr(made_token, name), name
    assert (made_token.first_used_at is None, before.first_used_at is None) == (True, False)
    record.note(*decision(*token, at=now - 60))
    await record.close()
    after = await models.Token.get(tenant_id=token[0], id=token[1])
    for name in models.Token._meta.fields_map:
        assert getattr(after, name) == getattr(before, name), name
    last = await models.TokenLastUse.get(tenant_id=token[0], id=token[1])
    assert last.last_used_at == datetime.fromtimestamp(now, UTC)


async def test_locked_token_does_not_hold_up_the_flush(
    postgres_url: str, record: DecisionLog
) -> None:
    await database.migrate(settings_for(postgres_url))
    async with running_service(settings_for(postgres_url)) as service:
        world = World(service)
        person = await world.person()
        made = [await world.token(person) for _ in range(2)]
        tenant_id = person.admin.tenant_id
        connection = await asyncpg.connect(postgres_url)
        try:
            async with connection.transaction():
                await connection.execute(_LOCK.format("token"), tenant_id)
                for token in made:
                    record.note(*decision(tenant_id, token.token.id))
                async with asyncio.timeout(1.5):
                    await record.close()
        finally:
            await connection.close()
        assert await counts(tenant_id) == (2, 0)
        assert await models.TokenLastUse.filter(tenant_id=tenant_id).count() == 2


async def test_decision_does_not_depend_on_earlier_requests(service: Service, world: World) -> None:
    """Method, target, host and secret alone decide, not the requests before."""
    asked: list[tuple[str, str, str, str]] = []
    people: list[Person] = [await world.person(), await world.person()]
    hosts, secrets = [], ["", "tsr_" + "0" * 49]
    for person in people:
        tenant = await models.Tenant.get(id=person.admin.tenant_id)
        hosts.append(f"{tenant.slug}.api.us.example.com")
        for keys in ([], [KEY], [KEY, "POST /api/v1/tags"]):
            secrets.append((await world.token(person, "t", keys)).secret)
        gone = await world.token(person, "t", [KEY])
        await tokens.revoke(person.principal, gone.token.id)
        secrets.append(gone.secret)
    for secret in secrets:
        for host in hosts:
            for method, target in (
                ("GET", "/api/v1/devices"),
                ("HEAD", "/api/v1/devices"),
                ("POST", "/api/v1/tags"),
                ("GET", "/api/v1/tags/../devices"),
                ("GET", "/nowhere"),
            ):
                asked.append((secret, method, target, host))
    decided: dict[tuple[str, str, str, str], int] = {}
    for seed in range(4):
        app = create_app(service)
        async with gateway(app).http as http:
            for one in random.Random(seed).sample(asked, len(asked)):
                secret, method, target, host = one
                answer = await Gateway(http).ask(secret, method, target, host=host)
                assert decided.setdefault(one, answer.status_code) == answer.status_code
        await app.close()
    assert set(decided.values()) == {200, 401, 403}
