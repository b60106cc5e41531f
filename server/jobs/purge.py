"""The jobs that delete rows which are not needed any more, tenant by tenant."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID

import models
from server.access import expired
from server.access.attempts import NO_TENANT
from server.access.tenancy import tenant_ids_after
from server.decisions import log_rows
from server.jobs.runner import Job

# In one portion. Deleting so many rows takes milliseconds.
_TENANTS = 100
_ROWS = 1000
# Deletes at most so many rows of these tenants; gives the number of deleted ones.
_Purge = Callable[[Sequence[UUID], int], Awaitable[int]]


async def _purge(*purges: _Purge) -> AsyncGenerator[None, None]:
    # Rows of unauthenticated addresses belong to no tenant.
    tenant_ids: Sequence[UUID] = [NO_TENANT]
    while tenant_ids:
        for purge in purges:
            while await purge(tenant_ids, _ROWS) == _ROWS:
                yield
            yield
        tenant_ids = await tenant_ids_after(tenant_ids[-1], _TENANTS)


async def _delete_old_uses(tenant_ids: Sequence[UUID], limit: int) -> int:
    return await log_rows.delete_old_uses(tenant_ids, limit, models.now().date())


JOBS = (
    Job("decision log", timedelta(days=1), lambda: _purge(_delete_old_uses)),
    Job(
        "sign-in",
        timedelta(hours=1),
        lambda: _purge(
            expired.delete_sessions, expired.delete_known_addresses, expired.delete_attempt_counters
        ),
    ),
)
