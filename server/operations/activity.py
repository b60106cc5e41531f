"""Reading the audit trail. It is written in `server.access.activity`, with each change."""

from collections.abc import Collection
from uuid import UUID

import models
from server.access import trail
from server.access.columns_beside import OF_ACTIVITIES
from server.access.principal import Operator, Principal
from server.access.reading import owned_rows
from server.access.trail import ActivityFilter
from server.paging import Page, PageRequest
from server.roles import Right

_EVERYTHING = ActivityFilter()


async def of_tenant(
    principal: Principal,
    request: PageRequest,
    wanted: ActivityFilter = _EVERYTHING,
    *,
    newest_first: bool = True,
    beside: Collection[str] = (),
) -> Page[models.Activity]:
    """The activity of the tenant that meets the filter, the latest or the earliest first.

    A page that continues from the last activity of another misses none, on any instance. beside:
    names of `columns_beside.OF_ACTIVITIES`, to be read in the same statement.
    """
    principal.require(Right.READ)
    return await trail.page(
        principal.tenant_id,
        request,
        wanted,
        newest_first=newest_first,
        beside=tuple(OF_ACTIVITIES[name] for name in beside),
    )


async def of_token(
    principal: Principal,
    token_id: UUID,
    request: PageRequest,
    kind: models.ActivityKind | None = None,
    beside: Collection[str] = (),
) -> Page[models.Activity]:
    """The activity of a token, the latest first; only that of `kind`, if one is given.

    Empty for a token that is not the tenant's. beside: as in `of_tenant`.
    """
    principal.require(Right.READ)
    kinds = None if kind is None else frozenset({kind})
    wanted = ActivityFilter(kinds, subject_id=token_id)
    further = tuple(OF_ACTIVITIES[name] for name in beside)
    return await trail.page(principal.tenant_id, request, wanted, beside=further)


async def of_installation(
    operator: Operator, request: PageRequest, wanted: ActivityFilter = _EVERYTHING
) -> Page[models.Activity]:
    """The activity that is no tenant's, the earliest first."""
    operator.require(Right.MANAGE_INSTALLATION)
    return await trail.page(models.INSTALLATION, request, wanted, newest_first=False)


async def find_many(principal: Principal, ids: Collection[UUID]) -> dict[UUID, models.Activity]:
    """The activities of the tenant among `ids`."""
    principal.require(Right.READ)
    found = await owned_rows(models.Activity, principal, id__in=ids)
    return {activity.id: activity for activity in found}
