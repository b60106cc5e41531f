"""The tenant: its type, and the queries that give it."""

import strawberry

import models
from server.global_ids import encode_id
from server.graphql.basics import Node
from server.graphql.context import Info
from server.operations import tenants
from server.service import Service


@strawberry.type(description="A customer organisation.")
class Tenant(Node):
    slug: str = strawberry.field(
        description="What names it at sign-in and in its API's host: a DNS label."
    )
    name: str = strawberry.field(description="What it is called.")
    region: str = strawberry.field(description="Where its API runs.")
    requests_per_hour: int = strawberry.field(
        description="How many requests its tokens may make in an hour, all together."
    )
    api_url: str | None = strawberry.field(
        description="Its API's URL; null until its first token, and from then on it stays."
    )


def shown_tenant(service: Service, row: models.Tenant) -> Tenant:
    """A tenant as GraphQL shows it."""
    return Tenant(
        id=strawberry.ID(encode_id("Tenant", row.id)),
        slug=row.slug,
        name=row.name,
        region=row.region,
        requests_per_hour=service.requests_per_hour(row),
        api_url=service.api_url(row),
    )


async def tenant(info: Info) -> Tenant:
    """The tenant of whoever is signed in."""
    return shown_tenant(info.context.service, await tenants.get(info.context.principal))


async def tenant_api_url(info: Info) -> str | None:
    """Its API's URL, once a first token exists."""
    return info.context.service.api_url(await tenants.get(info.context.principal))
