"""Old use counts are deleted in batches, so that no statement grows with a tenant's age."""

from datetime import UTC, datetime, timedelta

import models
from server.decisions import log_rows
from tests.support.factories import World


async def test_old_counts_are_deleted_in_batches(world: World) -> None:
    at = datetime.now(UTC)
    tenants = [await world.tenant() for _ in range(3)]
    for tenant in tenants:
        rows = [
            models.TokenUse(
                tenant_id=tenant.id,
                token_id=models.new_id(),
                key="GET /x",
                day=(at - timedelta(days=log_rows.KEPT_DAYS + number - 1)).date(),
                allowed=1,
                denied=0,
                first_used_at=at,
                last_used_at=at,
            )
            for number in range(10)
        ]
        await models.TokenUse.bulk_create(rows)
    ids = [tenant.id for tenant in tenants[:2]]
    deleted = [await log_rows.delete_old_uses(ids, 7, at.date()) for _ in range(4)]
    assert deleted == [7, 7, 2, 0]
    left = [await models.TokenUse.filter(tenant_id=tenant.id).count() for tenant in tenants]
    assert left == [2, 2, 10]
