"""Tenancy. Every row is reached through `owned`, which hides other tenants' rows."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

import models
from server.access.principal import Principal, SignedInAdmin
from server.access.reading import Beside, rows
from server.database import connection, transaction
from server.errors import Unauthenticated
from server.paging import Page, PageRequest
from server.roles import Right

# Citus would have all writes to a copied table take turns. Those with this lock take their own.
_LOCK_COPIES = """
    SELECT pg_advisory_xact_lock(hashtextextended($1, 1)),
           set_config('citus.all_modifications_commutative', 'on', true)
"""
_T = TypeVar("_T")
_Row = TypeVar("_Row", bound=models.TenantRow)
_AnyRow = TypeVar("_AnyRow", bound=models.Row)


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
    id; an unknown or removed one is missing. Raises `Unauthenticated` if the principal is gone by
    now, `Forbidden` if it no longer has `right`.
    """
    async with transaction():
        ids = set(others)
        if isinstance(principal, SignedInAdmin):
            ids.add(principal.admin_id)
        present = owned(models.Admin, principal).filter(id__in=ids, removed_at__isnull=True)
        locked = present.order_by("id")
        admins = {admin.id: admin for admin in await locked.select_for_update()}
        _as_of_now(principal, admins).require(right)
        yield admins


async def lock_first_token(tenant_id: UUID) -> None:
    """On a distributed database: let the first token's write wait for others of its tenant alone.

    The row of a tenant is copied to all nodes. Citus has each write to such a table wait for all
    others, until their transactions end. Writes of this kind wait by this lock instead.
    """
    await connection().execute_query(_LOCK_COPIES, [str(tenant_id)])


def _as_of_now(principal: Principal, locked: Mapping[UUID, models.Admin]) -> Principal:
    """The principal with the rights that its locked row gives it by now."""
    if not isinstance(principal, SignedInAdmin):
        return principal
    present = locked.get(principal.admin_id)
    if present is None:
        raise Unauthenticated(detail="the admin was removed while asking")
    return principal.with_role(present.role)


def not_suspended() -> Q:
    """A condition of a query across tenants: the rows of those that are not suspended."""
    suspended = models.Tenant.filter(suspended_at__isnull=False)
    return ~Q(tenant_id__in=Subquery(suspended.values("id")))


async def tenants_in_portions(size: int) -> AsyncGenerator[list[UUID], None]:
    """The ids of all tenants in their order, at most `size` at once, for jobs that visit each."""
    last = UUID(int=0)
    while rows := await models.Tenant.filter(id__gt=last).order_by("id").limit(size).only("id"):
        last = rows[-1].id
        yield [tenant.id for tenant in rows]


async def page_of(
    row_class: type[_AnyRow],
    request: PageRequest,
    *,
    newest_first: bool,
    beside: tuple[Beside, ...] = (),
    **conditions: Any,
) -> Page[_AnyRow]:
    """The rows that `request` asks for among those that meet Tortoise's `conditions`.

    A keyset page, read off the index on ids. The conditions name the tenant of tenants' rows.
    """
    read = partial(rows, row_class, beside=beside, limit=request.size + 1)
    descending = newest_first is not request.backwards
    order = ("-id",) if descending else ("id",)
    if request.position is None:
        return cut(await read(order_by=order, **conditions), request)
    further = {**conditions, "id__lt" if descending else "id__gt": request.position}
    found = await read(order_by=order, **further)
    # The cursor's own row may be gone, or the last on its side: only a look tells.
    behind = {**conditions, "id__gte" if descending else "id__lte": request.position}
    back = ("id",) if descending else ("-id",)
    return cut(found, request, behind=bool(await rows(row_class, order_by=back, limit=1, **behind)))


def cut(found: Collection[_T], request: PageRequest, *, behind: bool = False) -> Page[_T]:
    """The page in rows found for `request`, of which the last only says that there are more.

    behind: whether there are rows on the side that the request came from.
    """
    page, beyond = list(found)[: request.size], len(found) > request.size
    if request.backwards:
        return Page(page[::-1], has_previous=beyond, has_next=behind)
    return Page(page, has_previous=behind, has_next=beyond)
