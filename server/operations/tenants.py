"""Operations on tenants."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.functions import Count
from tortoise.queryset import QuerySet

import models
from models import ActivityKind, Role
from server.access.activity import record
from server.access.principal import Operator, Principal, SignedInAdmin
from server.access.reading import rows
from server.database import database_now, retried, transaction
from server.errors import DeletionUnderWay, Forbidden, InvalidInput, NotFound, Unauthenticated
from server.passwords import check_new_password, hash_password
from server.roles import Right
from server.texts import clean_email, clean_name, clean_slug

DEFAULT_REGION = "us"
MAX_REQUESTS_PER_HOUR = 1_000_000_000
# Databases limit the parameters of a statement; SQLite allows 32,766.
_TENANTS_AT_ONCE = 1000


def own(principal: Principal) -> models.Tenant:
    """The tenant of a signed-in admin, as of authentication."""
    principal.require(Right.READ)
    if not isinstance(principal, SignedInAdmin) or principal.tenant is None:
        raise Forbidden(detail="no admin who is signed in")
    return principal.tenant


async def get(principal: Principal) -> models.Tenant:
    """The principal's tenant, as of now."""
    principal.require(Right.READ)
    found = await rows(models.Tenant, id=principal.tenant_id)
    if not found:
        raise Unauthenticated(detail="the tenant is gone")
    return found[0]


@retried
async def create(
    operator: Operator,
    *,
    slug: str,
    name: str,
    owner_email: str,
    owner_name: str,
    owner_password: str,
    region: str = DEFAULT_REGION,
) -> models.Tenant:
    """A new tenant with its owner. Raises `InvalidInput`, for a slug that is taken too."""
    operator.require(Right.MANAGE_INSTALLATION)
    slug, region = clean_slug(slug, "slug"), clean_slug(region, "region")
    name, owner_name = clean_name(name, "name"), clean_name(owner_name, "ownerName")
    owner_email = clean_email(owner_email, "ownerEmail")
    check_new_password(owner_password, "password", [owner_email, owner_name, slug, name])
    password_hash = await hash_password(owner_password, slug)
    try:
        async with transaction():
            tenant = await models.Tenant.create(slug=slug, name=name, region=region)
            owner = await models.Admin.create(
                tenant_id=tenant.id,
                email=owner_email,
                name=owner_name,
                role=Role.OWNER,
                password_hash=password_hash,
            )
            await record(operator, ActivityKind.TENANT_CREATED, tenant, owner=str(owner.id))
    except IntegrityError:
        raise InvalidInput("slug", "A tenant with this slug exists already.") from None
    return tenant


@retried
async def set_limit(operator: Operator, slug: str, requests_per_hour: int | None) -> None:
    """Set how many requests an hour a tenant's tokens may make; None is the default limit.

    Raises `InvalidInput`, or `NotFound` for an unknown tenant.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    if requests_per_hour is not None and not 1 <= requests_per_hour <= MAX_REQUESTS_PER_HOUR:
        raise InvalidInput(
            "requestsPerHour", f"A limit is a whole number from 1 to {MAX_REQUESTS_PER_HOUR}."
        )
    async with transaction():
        tenant = await _locked(slug)
        if tenant.requests_per_hour != requests_per_hour:
            await models.Tenant.filter(id=tenant.id).update(requests_per_hour=requests_per_hour)
            details = {
                "previousRequestsPerHour": tenant.requests_per_hour,
                "requestsPerHour": requests_per_hour,
            }
            await record(operator, ActivityKind.TENANT_LIMIT_SET, tenant, **details)


@retried
async def rename(operator: Operator, slug: str, name: str) -> models.Tenant:
    """Give a tenant another name. Its slug stays: it is part of the API's host.

    Raises `InvalidInput`, or `NotFound` for an unknown tenant.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    name = clean_name(name, "name")
    async with transaction():
        tenant = await _locked(slug)
        if tenant.name != name:
            await models.Tenant.filter(id=tenant.id).update(name=name)
            details = {"previousName": tenant.name, "name": name}
            await record(operator, ActivityKind.TENANT_RENAMED, tenant, **details)
    return tenant


@retried
async def suspend(operator: Operator, slug: str) -> models.Tenant:
    """Refuse the tokens and the people of a tenant until it is resumed, and send nothing.

    No check that begins afterwards passes, on any instance. Gives the tenant as it is then; one
    that is suspended stays so. Raises `InvalidInput`, or `NotFound` for an unknown tenant.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    async with transaction():
        tenant = await _locked(slug)
        if tenant.suspended_at is None:
            tenant.suspended_at = await database_now()
            await models.Tenant.filter(id=tenant.id).update(suspended_at=tenant.suspended_at)
            await record(operator, ActivityKind.TENANT_SUSPENDED, tenant)
    return tenant


@retried
async def resume(operator: Operator, slug: str) -> models.Tenant:
    """End the suspension of a tenant, if it is suspended.

    Raises `InvalidInput`, `NotFound`, or `DeletionUnderWay`: some of its rows are gone.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    async with transaction():
        tenant = await _locked(slug)
        if tenant.deletion_began_at is not None:
            raise DeletionUnderWay
        if tenant.suspended_at is not None:
            await models.Tenant.filter(id=tenant.id).update(suspended_at=None)
            since = tenant.suspended_at.isoformat()
            await record(operator, ActivityKind.TENANT_RESUMED, tenant, suspendedSince=since)
    return tenant


async def _locked(slug: str) -> models.Tenant:
    found = models.Tenant.filter(slug=clean_slug(slug))
    tenant = await found.select_for_update().get_or_none()
    if tenant is None:
        raise NotFound
    return tenant


@dataclass(frozen=True, slots=True)
class TenantSize:
    """A tenant with its numbers of admins and live tokens."""

    tenant: models.Tenant
    admins: int
    live_tokens: int


async def every(operator: Operator) -> list[TenantSize]:
    """All tenants, the oldest first."""
    operator.require(Right.MANAGE_INSTALLATION)
    every_tenant = await models.Tenant.all().order_by("created_at", "id")
    sizes = []
    for start in range(0, len(every_tenant), _TENANTS_AT_ONCE):
        some = every_tenant[start : start + _TENANTS_AT_ONCE]
        ids = [tenant.id for tenant in some]
        admins = await _counted(models.Admin.filter(tenant_id__in=ids, removed_at__isnull=True))
        tokens = await _counted(models.Token.filter(tenant_id__in=ids, revoked_at__isnull=True))
        sizes += [
            TenantSize(tenant, admins.get(tenant.id, 0), tokens.get(tenant.id, 0))
            for tenant in some
        ]
    return sizes


async def _counted(rows: QuerySet[Any]) -> dict[UUID, int]:
    """How many rows each tenant has."""
    counted = rows.annotate(count=Count("id")).group_by("tenant_id")
    return dict(await counted.values_list("tenant_id", "count"))


async def find(operator: Operator, slug: str) -> models.Tenant | None:
    """The tenant of that slug, if there is one."""
    operator.require(Right.MANAGE_INSTALLATION)
    return await models.Tenant.get_or_none(slug=slug)


async def is_installation_empty(operator: Operator) -> bool:
    """Whether the database has no tenant yet."""
    operator.require(Right.MANAGE_INSTALLATION)
    return not await models.Tenant.exists()
