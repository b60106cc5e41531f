"""The jobs that delete old rows, as an instance runs them."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from tortoise.fields import DateField, DatetimeField
from tortoise.models import Model

import models
from models import ActivityKind, DeliveryOutcome, MailKind, RefusalReason, ReminderKind
from server import app as application
from server.access.attempts import NO_TENANT
from server.app import create_app
from server.database import transaction
from server.jobs import Jobs, jobs_of, retention
from server.jobs.kept import KINDS, UNTIL, Kind
from server.monitoring.metrics import REGISTRY
from server.service import Service
from server.settings import Settings
from tests.architecture.source import ROWS
from tests.conftest import settings_for
from tests.support.factories import Client, Person, World
from tests.support.process import ROOT
from tests.support.waiting import until

_BY_TABLE = {str(row._meta.db_table): row for row in ROWS.values() if row._meta.db_table}
_OF_TENANTS = [kind for kind in KINDS if kind.is_of_tenants]
_END = object()
_SECOND = timedelta(seconds=1)
_DEFAULT = settings_for("sqlite:///x.db")
_TABLE = re.compile(r"^\| `(\w+)` \| .+? \| (.+?) \| (?:`TESSERA_(\w+)` )?\|$", re.MULTILINE)


def _kept(settings: Settings) -> Settings:
    return replace(settings, keep_activity_days=100)


def _values(table: str, at: datetime, number: int) -> dict[str, Any]:
    """The columns of a row of this table that have no default."""
    some = models.new_id()
    columns: dict[str, dict[str, Any]] = {
        "activity": {
            "sequence": number, "kind": ActivityKind.CREATED, "actor_id": some, "subject_id": some,
        },
        "token_use": {
            "token_id": some, "key": "GET /x", "allowed": 1, "denied": 0, "first_used_at": at,
            "last_used_at": at,
        },
        "token_refusal": {
            "token_id": some, "method": "GET", "path": "/x", "reason": RefusalReason.EXPIRED,
            "address": "", "user_agent": "", "request_id": "",
        },
        "secret_use": {"token_id": some, "address": "", "user_agent": "", "requests": 1},
        "webhook_delivery": {
            "webhook_id": some, "event_id": "", "type": "", "attempt": 1, "milliseconds": 1,
            "outcome": DeliveryOutcome.DELIVERED,
        },
        "webhook_event": {
            "webhook_id": some, "number": number, "event_id": "", "type": "", "body": "",
        },
        "access_request": {
            "token_id": some, "key": "GET /x", "reason": "", "address": "",
        },
        "mail": {"admin_id": some, "kind": MailKind.REMINDERS},
        "reminder": {"token_id": some, "kind": ReminderKind.EXPIRED},
        "invitation": {"admin_id": some, "digest": some.bytes},
        "session": {"admin_id": some, "digest": some.bytes, "last_seen_at": at},
        "known_address": {"admin_id": some, "digest": some.bytes},
        "attempt_counter": {"subject": some.bytes},
        "gateway": {"name": f"gateway-{some}", "digest": some.bytes},
        "decision_batch": {},
    }  # fmt: skip
    return columns[table]


def _row(kind: Kind, tenant_id: UUID, at: datetime, number: int = 0, **other: Any) -> Model:
    """A row whose instant is `at`. Its id is no later, as that of any row."""
    values = {**_values(kind.table, at, number), "id": models.id_of_tick(models.tick_from(at), 7)}
    if kind.is_of_tenants:
        values |= {"tenant_id": tenant_id}
    values[kind.column] = at.date() if kind.column == "day" else at
    row: Model = _BY_TABLE[kind.table](**{**values, **other})
    return row


async def _make(kind: Kind, tenant_id: UUID, ages: list[timedelta]) -> None:
    """Rows of these ages, past the time for which they are kept; a negative one is younger."""
    kept = kind.kept_for(_kept(_DEFAULT))
    assert kept is not None
    # Days begin at midnight, which must not pass meanwhile.
    step = timedelta(days=1) if kind.column == "day" else timedelta()
    for number, age in enumerate(ages):
        at = models.now() - kept - (step if age > timedelta() else -step) - age
        await _row(kind, tenant_id, at + timedelta(microseconds=number), number).save()


async def _count(kind: Kind, tenant_id: UUID) -> int:
    rows = _BY_TABLE[kind.table].all()
    return await (rows.filter(tenant_id=tenant_id) if kind.is_of_tenants else rows).count()


def _metric(table: str) -> float:
    return REGISTRY.get_sample_value("tessera_rows_deleted_total", {"table": table}) or 0.0


async def test_an_instance_deletes_and_counts_the_old_rows_of_every_tenant_and_of_none(
    service: Service,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of each kind, with portions that end within a tenant and between tenants."""
    monkeypatch.setattr(retention, "_ROWS", 3)
    monkeypatch.setattr(retention, "_STATEMENTS", 5)
    monkeypatch.setattr(retention, "_TENANTS", 2)
    monkeypatch.setattr(application, "Jobs", partial(Jobs, look_every_seconds=0.02))
    tenants = [NO_TENANT, *[(await world.tenant()).id for _ in range(3)]]
    old, young = 4, 2
    for kind in KINDS:
        for tenant_id in tenants if kind.is_of_tenants else tenants[:1]:
            await _make(kind, tenant_id, [10 * _SECOND] * old + [-600 * _SECOND] * young)
    before = {kind: _metric(kind.table) for kind in KINDS}
    settings = _kept(service.settings)
    app = create_app(replace(service, settings=settings))
    with caplog.at_level(logging.INFO, "tessera.jobs"):
        await app.open()
        await until(partial(_all_have_run, settings))
        await app.close()
    for kind in KINDS:
        owners = tenants if kind.is_of_tenants else tenants[:1]
        assert [await _count(kind, one) for one in owners] == [young] * len(owners), kind
        assert _metric(kind.table) - before[kind] == old * len(owners), kind
    told = [record.detail for record in caplog.records if record.msg == "deleted old rows"]  # type: ignore[attr-defined]
    assert len(told) == 2
    assert f"token_use {old * len(tenants)}" in " ".join(told)


async def _all_have_run(settings: Settings) -> bool:
    ended = models.JobLease.filter(last_run_at__isnull=False)
    return await ended.count() == len(jobs_of(settings))


async def test_each_portion_is_small_and_counts_once_it_is_committed(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_ROWS", 4)
    tenant_id = (await world.tenant()).id
    kinds = [kind for kind in KINDS if kind.table in {"activity", "session", "webhook_event"}]
    for kind in kinds:
        await _make(kind, tenant_id, [10 * _SECOND] * 9)
    before, left = _metric("activity"), 27

    async def of_all() -> int:
        return sum([await _count(kind, tenant_id) for kind in kinds])

    async with aclosing(retention.delete_old(kinds, _kept(service.settings))) as portions:
        with suppress(InterruptedError):
            async with transaction():
                await anext(portions)
                raise InterruptedError
    assert (await of_all(), _metric("activity")) == (left, before)
    async with aclosing(retention.delete_old(kinds, _kept(service.settings))) as portions:
        while left:
            async with transaction():
                await anext(portions)
            now = await of_all()
            # One that ends a table goes on to the next: fewer than two at once.
            assert left - 8 < now < left
            left = now
        async with transaction():
            assert await anext(portions, _END) is _END
    assert _metric("activity") == before + 9


async def test_activity_is_kept_for_good_unless_the_operator_says_otherwise(
    service: Service, world: World
) -> None:
    tenant_id = (await world.tenant()).id
    await models.Activity.create(
        tenant_id=tenant_id,
        id=models.id_of_tick(1),
        created_at=models.instant_of_tick(1),
        **_values("activity", models.now(), 1),
    )
    async for _ in retention.delete_old(KINDS, service.settings):
        pass
    assert await models.Activity.filter(tenant_id=tenant_id).count() == 1


async def test_numbers_and_cursors_go_on_where_old_activity_is_deleted(
    service: Service, world: World, client: Client
) -> None:
    """A cursor before the oldest that is kept continues with that one, in both directions."""
    person = await world.person()
    [activity] = [kind for kind in KINDS if kind.table == "activity"]
    tenant_id, at = person.admin.tenant_id, models.now() - timedelta(days=101)
    ids = []
    for number in range(1, 5):
        row = _row(activity, tenant_id, at + number * _SECOND, number, actor_id=person.admin.id)
        await row.save()
        ids.append(row.pk)
    await models.ActivityCounter.create(
        id=tenant_id, tenant_id=tenant_id, sequence=4, tick=models.tick_from(at)
    )
    await world.token(person, "fifth")
    lines = await _lines(client, person)
    async for _ in retention.delete_old(KINDS, _kept(service.settings)):
        pass
    await world.token(person, "sixth")
    assert [line["sequence"] for line in await _lines(client, person)] == [5, 6]
    for deleted in lines[:4]:
        later = await _lines(client, person, after=deleted["cursor"])
        assert [line["sequence"] for line in later] == [5, 6]
        assert await _sequences(client, person, f'last: 1, before: "{deleted["cursor"]}"') == [5]
        assert await _sequences(client, person, f'first: 9, after: "{deleted["cursor"]}"') == []


async def _lines(client: Client, person: Person, **query: str) -> list[dict[str, Any]]:
    answer = await client.http.get(
        "/activity.ndjson", params=query, headers=client.of(person).headers
    )
    return [json.loads(text) for text in answer.text.splitlines()]


async def _sequences(client: Client, person: Person, arguments: str) -> list[int]:
    data = await client.of(person).data(
        f"{{ activity({arguments}) {{ edges {{ node {{ sequence }} }} }} }}"
    )
    return [edge["node"]["sequence"] for edge in data["activity"]["edges"]]


async def test_events_that_wait_are_kept_until_their_webhook_is_removed(
    service: Service, world: World
) -> None:
    tenant_id = (await world.tenant()).id
    webhook = await models.Webhook.create(
        tenant_id=tenant_id,
        url="https://example.com",
        events="*",
        state=models.WebhookState.ACTIVE,
        created_by_id=NO_TENANT,
        secret=b"",
        last_number=5,
        sent_number=2,
    )
    [events] = [kind for kind in KINDS if kind.table == "webhook_event"]
    for number in range(1, 6):
        at = models.now() - timedelta(days=31)
        await _row(events, tenant_id, at, number, webhook_id=webhook.id).save()

    async def left() -> list[Any]:
        async for _ in retention.delete_old([events], service.settings):
            pass
        rows = models.WebhookEvent.filter(tenant_id=tenant_id).order_by("number")
        return await rows.values_list("number", flat=True)

    assert await left() == [3, 4, 5]
    await models.Webhook.filter(tenant_id=tenant_id).delete()
    assert await left() == []


def _without_a_time(rows: Iterator[type[Model]]) -> set[str]:
    """The tables with an instant of which no list says how long their rows are kept."""
    found = set()
    for row in rows:
        columns = row._meta.fields_map.values()
        if any(isinstance(column, DatetimeField | DateField) for column in columns):
            found.add(str(row._meta.db_table))
    return found - {kind.table for kind in KINDS} - UNTIL.keys()


def test_every_table_with_an_instant_says_how_long_its_rows_are_kept() -> None:
    assert _without_a_time(iter(_BY_TABLE.values())) == set()
    assert {kind.table for kind in KINDS} | UNTIL.keys() <= _BY_TABLE.keys()
    assert not {kind.table for kind in KINDS} & UNTIL.keys()

    class Planted(Model):
        id = models.Token._meta.fields_map["id"]
        day = DateField()

        class Meta:
            table = "planted"

    assert _without_a_time(iter([models.Token, Planted])) == {"planted"}


def test_documentation_says_how_long_rows_are_kept() -> None:
    page = (ROOT / "docs/operating.md").read_text()
    said = {table: (kept, name) for table, kept, name in _TABLE.findall(page)}
    assert said.keys() == {kind.table for kind in KINDS} | UNTIL.keys()
    settings = _DEFAULT
    for kind in KINDS:
        kept, name = said[kind.table]
        assert name.lower() == kind.setting, kind
        time = kind.kept_for(settings)
        if time is None:
            assert kept == "for good"
        elif time >= timedelta(days=1):
            assert re.search(rf"\b{time.days} days?\b", kept), kind
    for table, until_then in UNTIL.items():
        assert said[table][0].startswith(until_then), table
        assert said[table][1] == ""
