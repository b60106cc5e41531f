"""Tenancy. Every row is reached through `owned`, which hides other tenants' rows."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import UUID

from tortoise.queryset import QuerySet

import models
from server.access.principal import Principal, SignedInAdmin
from server.database import transaction
from server.errors import Unauthenticated
from server.paging import Page, PageRequest
from server.roles import Right

_T = TypeVar("_T")
_Row = TypeVar("_Row", bound=models.TenantRow)


def owned(row_class: type[_Row], principal: Principal) -> QuerySet[_Row]:
    """The rows of `row_class` that belong to the principal's tenant."""
    return row_class.filter(tenant_id=principal.tenant_id)


@asynccontextmanager
async def change(
    principal: Principal, right: Right, *others: UUID
) -> AsyncIterator[dict[UUID, models.Admin]]:
    """A transaction in which the principal changes something, as who they are by now.

    Locks the admin's row, and those of `others`, until the end: removing or demoting an admin
    waits for the changes under way, and none begins afterwards. Locks are taken in the order
    of the ids, so that two such transactions never wait for each other. Gives the locked admins by
    id; an unknown one is missing. Raises `Unauthenticated` if the principal is gone by now,
    `Forbidden` if it no longer has `right`.
    """
    async with transaction():
        ids = set(others)
        if isinstance(principal, SignedInAdmin):
            ids.add(principal.admin_id)
        locked = owned(models.Admin, principal).filter(id__in=ids).order_by("id")
        admins = {admin.id: admin for admin in await locked.select_for_update()}
        _as_of_now(principal, admins).require(right)
        yield admins


def _as_of_now(principal: Principal, locked: Mapping[UUID, models.Admin]) -> Principal:
    """The principal with the rights that its locked row gives it by now."""
    if not isinstance(principal, SignedInAdmin):
        return principal
    present = locked.get(principal.admin_id)
    if present is None:
        raise Unauthenticated(detail="the admin was removed while asking")
    return principal.with_role(present.role)


async def tenant_ids_after(tenant_id: UUID, limit: int) -> list[UUID]:
    """The ids of the next tenants in the order of ids, for jobs that visit every tenant."""
    following = models.Tenant.filter(id__gt=tenant_id).order_by("id").limit(limit)
    return [tenant.id for tenant in await following.only("id")]


async def page_of(query: QuerySet[_Row], request: PageRequest, *, newest_first: bool) -> Page[_Row]:
    """The rows of `query` that `request` asks for: a keyset page, read off the index on ids."""
    descending = newest_first is not request.backwards
    further = query
    if request.position is not None:
        further = query.filter(**{"id__lt" if descending else "id__gt": request.position})
    rows = await further.order_by("-id" if descending else "id").limit(request.size + 1)
    behind = False
    if request.position is not None:
        # The cursor's own row may be gone, or the last on its side: only a look tells.
        where = {"id__gte" if descending else "id__lte": request.position}
        behind = bool(
            await query.filter(**where)
            .order_by("id" if descending else "-id")
            .limit(1)
            .values_list("id", flat=True)
        )
    return cut(rows, request, behind=behind)


def cut(rows: Collection[_T], request: PageRequest, *, behind: bool = False) -> Page[_T]:
    """The page in rows read for `request`, of which the last only says that there are more.

    behind: whether there are rows on the side that the request came from.
    """
    page, beyond = list(rows)[: request.size], len(rows) > request.size
    if request.backwards:
        return Page(page[::-1], has_previous=beyond, has_next=behind)
    return Page(page, has_previous=behind, has_next=beyond)
