"""The operator's access to one tenant, by its name or by a token's secret."""

from dataclasses import dataclass
from uuid import UUID

import models
from server.access.principal import Operator, TenantOperator
from server.decisions.holders import digests_of, find_holder
from server.errors import NotFound
from server.roles import Right
from server.service import Service
from server.texts import clean_slug

_RETIRED = models.ClosedBy.RETIRED.value


@dataclass(frozen=True, slots=True)
class FoundToken:
    """The token of a secret, and the operator within its tenant.

    is_retired: whether another secret of the token has replaced this one.
    """

    operator: TenantOperator
    token_id: UUID
    is_retired: bool


async def enter(operator: Operator, slug: str) -> TenantOperator:
    """The operator within the tenant of that slug. Raises `InvalidInput` or `NotFound`."""
    operator.require(Right.MANAGE_INSTALLATION)
    tenant = await models.Tenant.get_or_none(slug=clean_slug(slug))
    if tenant is None:
        raise NotFound
    return TenantOperator(tenant.id, operator.name)


async def find_by_secret(operator: Operator, service: Service, secret: str) -> FoundToken:
    """The token of a secret, live or refused, of any tenant.

    Raises `NotFound` for a secret that is unknown, or no secret at all.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    digests = digests_of(service, secret)
    found = await find_holder(digests, address="") if digests else None
    if found is None:
        raise NotFound
    return FoundToken(
        TenantOperator(found.holder.tenant_id, operator.name),
        found.holder.token_id,
        is_retired=found.terms.state == _RETIRED,
    )
