"""The tenant: the type, and the queries that return it."""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

import strawberry

import models
from server.global_ids import encode_id
from server.graphql.basics import DateTime
from server.graphql.context import Context
from server.graphql.nodes import Node, finds
from server.graphql.policies import TokenPolicy, token_policy
from server.operations import tenants
from server.service import Service


@strawberry.type(description="A customer organisation.")
class Tenant(Node):
    slug: str = strawberry.field(
        description="Its short name, used at sign-in and in its API's host name: a DNS label."
    )
    name: str = strawberry.field(description="Its name.")
    region: str = strawberry.field(description="The region where its API runs.")
    requests_per_hour: int = strawberry.field(
        description="How many requests per hour its tokens may make in total."
    )
    api_url: str | None = strawberry.field(
        description="Its API's URL. Null until the first token is created, then permanent."
    )
    first_token_at: DateTime | None = strawberry.field(
        description="When its first token was created; null until then."
    )
    docs_url: str | None = strawberry.field(
        description="The URL of its API's documentation, as the operator configured it. Null for "
        "none."
    )
    token_policy: TokenPolicy = strawberry.field(
        resolver=token_policy, description="The lifetime and the networks that its tokens may have."
    )


def shown_tenant(service: Service, row: models.Tenant) -> Tenant:
    """Map a tenant to its GraphQL type."""
    return Tenant(
        id=strawberry.ID(encode_id("Tenant", row.id)),
        slug=row.slug,
        name=row.name,
        region=row.region,
        requests_per_hour=service.requests_per_hour(row),
        api_url=service.api_url(row),
        first_token_at=cast("DateTime | None", row.first_token_at),
        docs_url=service.settings.docs_url,
    )


@finds(Tenant)
async def find_tenants(context: Context, ids: Sequence[UUID]) -> list[Tenant | None]:
    """Return the principal's own tenant, None for any other."""
    own_id = context.principal.tenant_id
    row = await tenants.get(context.principal) if own_id in ids else None
    own = shown_tenant(context.service, row) if row else None
    return [own if tenant_id == own_id else None for tenant_id in ids]


def tenant(context: Context) -> Tenant:
    """Return the signed-in admin's tenant."""
    return shown_tenant(context.service, tenants.own(context.principal))


def tenant_api_url(context: Context) -> str | None:
    """Return the tenant's API URL, or null before its first token."""
    return context.service.api_url(tenants.own(context.principal))
