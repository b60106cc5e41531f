"""Reading the audit trail. It is written in `server.access.activity`, with each change."""

from collections.abc import Collection
from uuid import UUID

from tortoise.queryset import QuerySet

import models
from server.access.principal import Principal
from server.access.tenancy import owned, page_of
from server.paging import Page, PageRequest
from server.roles import Right


async def of_token(
    principal: Principal,
    token_id: UUID,
    request: PageRequest,
    kind: models.ActivityKind | None = None,
) -> Page[models.Activity]:
    """The activity of a token, the latest first; only that of `kind`, if one is given.

    Empty for a token that is not the tenant's.
    """
    principal.require(Right.READ)
    of_it = owned(models.Activity, principal).filter(token_id=token_id)
    return await page_of(_of_kind(of_it, kind), request, newest_first=True)


async def of_tenant(
    principal: Principal, request: PageRequest, kind: models.ActivityKind | None = None
) -> Page[models.Activity]:
    """The activity of all tokens of the tenant, the latest first; as `of_token` by `kind`."""
    principal.require(Right.READ)
    of_all = owned(models.Activity, principal)
    return await page_of(_of_kind(of_all, kind), request, newest_first=True)


async def find_many(principal: Principal, ids: Collection[UUID]) -> dict[UUID, models.Activity]:
    """The activities of the tenant among `ids`."""
    principal.require(Right.READ)
    found = await owned(models.Activity, principal).filter(id__in=ids)
    return {activity.id: activity for activity in found}


def _of_kind(
    query: QuerySet[models.Activity], kind: models.ActivityKind | None
) -> QuerySet[models.Activity]:
    return query if kind is None else query.filter(kind=kind)
