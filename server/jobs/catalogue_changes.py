"""Tells tenants of the versions of the API's document, and lets tokens grow that follow a category.

Each tenant is notified once of each version; its notice records that.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator
from datetime import timedelta
from uuid import UUID

import orjson

import models
from models import ActivityKind
from server.access import permission_holders
from server.access.activity import record
from server.access.adopted_versions import newest
from server.access.principal import SYSTEM
from server.access.tenancy import tenants_in_portions
from server.catalogue.versions import Operation, fingerprints_in, unpacked
from server.database import database_now
from server.decisions import growth
from server.global_ids import encode_id
from server.jobs.runner import Job

_TENANTS, _TOLD_AT_ONCE = 500, 50
# Of each kind of difference, in the activity and the event. The version has more.
_MAX_NAMED = 100


async def announce() -> AsyncGenerator[None, None]:
    """Tell every tenant of each version that is not announced yet, the oldest first."""
    waiting = models.CatalogueVersion.filter(announced_at__isnull=True).order_by("number")
    for version in await waiting:
        async for tenant_ids in tenants_in_portions(_TOLD_AT_ONCE):
            await _tell(version, tenant_ids)
            yield
        at = await database_now()
        await models.CatalogueVersion.filter(id=version.id).update(announced_at=at)
        yield


async def _tell(version: models.CatalogueVersion, tenant_ids: list[UUID]) -> None:
    """Tell those of the tenants that were there when the version was adopted."""
    told = models.CatalogueNotice.filter(tenant_id__in=tenant_ids, version_id=version.id)
    done = {notice.tenant_id for notice in await told}
    there = models.Tenant.filter(id__in=tenant_ids, created_at__lt=version.created_at)
    fingerprints = fingerprints_in(version.affected)
    for tenant in await there.order_by("id"):
        if tenant.id in done:
            continue
        affected = 0
        if fingerprints:
            affected, _ = await permission_holders.count([tenant.id], fingerprints)
        await models.CatalogueNotice.create(
            tenant_id=tenant.id, version_id=version.id, affected_tokens=affected
        )
        details = _details(version) | {"affectedTokens": affected}
        await record(SYSTEM, ActivityKind.CATALOGUE_CHANGED, tenant, **details)


def _details(version: models.CatalogueVersion) -> dict[str, object]:
    changes = orjson.loads(version.changes)
    named = {kind: [one[0] for one in changes[kind][:_MAX_NAMED]] for kind in ("added", "removed")}
    pairs = [{"from": one[0], "to": one[1]} for one in changes["renamed"][:_MAX_NAMED]]
    moved = [one[0] for one in changes["moved"][:_MAX_NAMED]]
    counts = {f"{kind}Count": number for kind, number in changes["counts"].items()}
    version_id = encode_id("CatalogueVersion", version.id)
    return {"version": version_id, **named, "renamed": pairs, "moved": moved, **counts}


async def grow() -> AsyncGenerator[None, None]:
    """Let every token grow that follows a category in which the newest version brings operations.

    Also one that came to follow it by an instance with an earlier document.
    """
    version = await newest()
    if version is None or version.number == 1:
        return
    current: growth.Newest | None = None
    async for tenant_ids in tenants_in_portions(_TENANTS):
        for tenant_id in await growth.tenants_behind(tenant_ids, version.number):
            current = current or _read(version)
            async for _ in growth.grow_portions(tenant_id, current):
                yield
        yield


def _read(version: models.CatalogueVersion) -> growth.Newest:
    by_category: dict[str, list[Operation]] = defaultdict(list)
    for one in unpacked(version.operations).values():
        by_category[one.category].append(one)
    return growth.Newest(version.number, by_category)


JOBS = (
    Job("catalogue notices", timedelta(minutes=1), announce),
    Job("followed categories", timedelta(minutes=1), grow),
)
