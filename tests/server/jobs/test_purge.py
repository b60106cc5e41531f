"""The jobs that delete old rows, as an instance runs them."""

from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest

import models
from server import app as application
from server.access.attempts import NO_TENANT
from server.app import create_app
from server.jobs import JOBS, Jobs, purge
from server.service import Service
from tests.support.factories import World
from tests.support.waiting import until

_OLD = timedelta(days=402)


async def _rows(tenant_id: UUID, age: timedelta, times: int) -> None:
    at = models.now() - age
    for _ in range(times):
        digest = models.new_id().bytes
        await models.Session.create(
            tenant_id=tenant_id, admin_id=NO_TENANT, digest=digest, last_seen_at=at, expires_at=at
        )
        await models.KnownAddress.create(
            tenant_id=tenant_id, admin_id=NO_TENANT, digest=digest, signed_in_at=at
        )
        await models.AttemptCounter.create(tenant_id=tenant_id, subject=digest, started_at=at)
        await models.TokenUse.create(
            tenant_id=tenant_id,
            token_id=models.new_id(),
            key="GET /x",
            day=at.date(),
            allowed=1,
            denied=0,
            first_used_at=at,
            last_used_at=at,
        )


async def _left(tenant_id: UUID) -> list[int]:
    kinds = (models.Session, models.KnownAddress, models.AttemptCounter, models.TokenUse)
    return [await kind.filter(tenant_id=tenant_id).count() for kind in kinds]


async def has_run() -> bool:
    return await models.JobLease.filter(last_run_at__isnull=False).count() == len(JOBS)


async def test_an_instance_deletes_the_old_rows_of_every_tenant_and_of_none(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "_TENANTS", 2)
    monkeypatch.setattr(purge, "_ROWS", 3)
    monkeypatch.setattr(application, "Jobs", partial(Jobs, look_every_seconds=0.02))
    tenants = [NO_TENANT, *[(await world.tenant()).id for _ in range(5)]]
    for tenant_id in tenants:
        await _rows(tenant_id, _OLD, 4)
        await _rows(tenant_id, -timedelta(hours=1), 2)
    app = create_app(service)
    await app.open()
    await until(has_run)
    await app.close()
    assert [await _left(tenant_id) for tenant_id in tenants] == [[2, 2, 2, 2]] * len(tenants)
