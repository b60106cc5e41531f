"""The brands of token secrets: those in use must be listed before anything is served."""

from collections.abc import Sequence
from typing import Any

import models
from server.database import database_now
from server.errors import Misconfigured

_TENANTS_AT_ONCE = 20
_MAX_COUNTED = 1_000


async def require_listed(brands: Sequence[str]) -> None:
    """Note that new secrets are given the first of `brands`.

    Raises `Misconfigured` where live tokens have a brand that is not among them: their secrets
    would be refused without a word.
    """
    known = [row.brand for row in await models.TokenBrand.all().order_by("brand")]
    counts = {brand: await _count_live(brand) for brand in known if brand not in brands}
    found = [
        f"{count} live tokens of the brand `{brand}`" for brand, count in counts.items() if count
    ]
    if found:
        raise Misconfigured(
            f"TESSERA_TOKEN_BRAND must list each brand in use: the database holds"
            f" {' and '.join(found)}."
        )
    if brands[0] not in known:
        await models.TokenBrand.bulk_create(
            [models.TokenBrand(brand=brands[0])], ignore_conflicts=True
        )


async def _count_live(brand: str) -> int:
    """How many live tokens have that brand: by some tenants at a time, each within the time-out."""
    tenants = await models.Tenant.all().order_by("id").values_list("id", flat=True)
    count = 0
    for start in range(0, len(tenants), _TENANTS_AT_ONCE):
        some = tenants[start : start + _TENANTS_AT_ONCE]
        count += await models.Token.filter(
            tenant_id__in=some, hint__startswith=f"{brand}_", **models.LIVE
        ).count()
        count += await _count_rotating(some, brand)
    return count


async def _count_rotating(tenant_ids: Sequence[Any], brand: str) -> int:
    """How many live tokens of another brand have an old secret of that brand: 1,000 at most."""
    found = await models.TokenRotation.filter(
        tenant_id__in=tenant_ids, old_hint__startswith=f"{brand}_", ended_at__isnull=True
    )
    at = await database_now()
    ids = [rotation.id for rotation in found if rotation.is_under_way(at)][:_MAX_COUNTED]
    live = models.Token.filter(tenant_id__in=tenant_ids, id__in=ids, **models.LIVE)
    return await live.exclude(hint__startswith=f"{brand}_").count()
