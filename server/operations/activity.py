"""Reading the audit trail. It is written in `server.access.activity`, with each change."""

from collections.abc import Collection
from uuid import UUID

import models
from server.access.principal import Principal
from server.access.tenancy import owned, page_of
from server.paging import Page, PageRequest
from server.roles import Right


async def of_token(
    principal: Principal, token_id: UUID, request: PageRequest
) -> Page[models.Activity]:
    """What happened to a token, the latest first. Empty for a token that is not the tenant's."""
    principal.require(Right.READ)
    of_it = owned(models.Activity, principal).filter(token_id=token_id)
    return await page_of(of_it, request, newest_first=True)


async def of_tenant(principal: Principal, request: PageRequest) -> Page[models.Activity]:
    """What happened to any token of the tenant, the latest first."""
    principal.require(Right.READ)
    return await page_of(owned(models.Activity, principal), request, newest_first=True)


async def find_many(principal: Principal, ids: Collection[UUID]) -> dict[UUID, models.Activity]:
    """The activities of the tenant among `ids`."""
    principal.require(Right.READ)
    found = await owned(models.Activity, principal).filter(id__in=ids)
    return {activity.id: activity for activity in found}
