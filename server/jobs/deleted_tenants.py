"""Deletes rows that are written of a tenant after its deletion, such as late counts."""

from collections.abc import AsyncGenerator
from datetime import timedelta

import models
from models import ActivityKind
from server.access import whole_tenants
from server.database import database_now
from server.jobs.runner import Job

# Longer than anything waits to be written, by far.
_LOOKED_AFTER = timedelta(days=7)
_EVERY = timedelta(hours=1)


async def delete_late_rows() -> AsyncGenerator[None, None]:
    """Delete the rows of tenants that were deleted within the last days, in portions."""
    since = await database_now() - _LOOKED_AFTER
    told = models.Activity.filter(
        tenant_id=models.INSTALLATION,
        kind=ActivityKind.TENANT_DELETED,
        id__gt=models.id_of_tick(models.tick_from(since)),
    )
    for tenant_id in [one.subject_id for one in await told.only("subject_id")]:
        for table in whole_tenants.tables():
            while await whole_tenants.delete_portion(table, tenant_id):
                yield
        yield


JOBS = (Job("deleted tenants", _EVERY, delete_late_rows),)
