"""Operations on tenants."""

from tortoise.exceptions import IntegrityError

import models
from models import Role
from server.access.principal import Operator, Principal
from server.database import retried, transaction
from server.errors import InvalidInput, NotFound, Unauthenticated
from server.passwords import check_new_password, hash_password
from server.roles import Right
from server.texts import clean_email, clean_name, clean_slug

DEFAULT_REGION = "us"
MAX_REQUESTS_PER_HOUR = 1_000_000_000


async def get(principal: Principal) -> models.Tenant:
    """The principal's tenant."""
    principal.require(Right.READ)
    tenant = await models.Tenant.get_or_none(id=principal.tenant_id)
    if tenant is None:
        raise Unauthenticated(detail="the tenant is gone")
    return tenant


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
            await models.Admin.create(
                tenant_id=tenant.id,
                email=owner_email,
                name=owner_name,
                role=Role.OWNER,
                password_hash=password_hash,
            )
    except IntegrityError:
        raise InvalidInput("slug", "A tenant with this slug exists already.") from None
    return tenant


async def set_limit(operator: Operator, slug: str, requests_per_hour: int | None) -> None:
    """Set how many requests an hour a tenant's tokens may make; None is the default limit.

    Raises `InvalidInput`, or `NotFound` for an unknown tenant.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    if requests_per_hour is not None and not 1 <= requests_per_hour <= MAX_REQUESTS_PER_HOUR:
        raise InvalidInput(
            "requestsPerHour", f"A limit is a whole number from 1 to {MAX_REQUESTS_PER_HOUR}."
        )
    tenant = models.Tenant.filter(slug=clean_slug(slug))
    if not await tenant.update(requests_per_hour=requests_per_hour):
        raise NotFound


async def find(operator: Operator, slug: str) -> models.Tenant | None:
    """The tenant of that slug, if there is one."""
    operator.require(Right.MANAGE_INSTALLATION)
    return await models.Tenant.get_or_none(slug=slug)


async def is_installation_empty(operator: Operator) -> bool:
    """Whether the database has no tenant yet."""
    operator.require(Right.MANAGE_INSTALLATION)
    return not await models.Tenant.exists()
