"""A real gateway in front of a tenant's API, with Tessera and three tokens."""

from dataclasses import dataclass

import models
from server.catalogue import Catalogue
from server.operations import tokens
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.collector import Collector
from tests.support.factories import World
from tests.support.process import ServerProcess
from tests.support.proxies import Proxy, Upstream

ONE = "GET /api/v1/devices/{device_id}"


@dataclass
class GatewayStack:
    """A gateway, the API behind it, the Tessera server, and three tokens of one tenant."""

    proxy: Proxy
    upstream: Upstream
    server: ServerProcess
    catalogue: Catalogue
    collector: Collector
    host: str
    database_url: str
    all: str
    one: str
    none: str
    limited_host: str
    limited: str


async def create_rows(url: str) -> dict[str, str]:
    """Create the server's rows through operations; returns the fields of `GatewayStack`."""
    async with running_service(settings_for(url)) as service:
        world = World(service)
        made = {}
        person = await world.person()
        tenant = await models.Tenant.get(id=person.admin.tenant_id)
        made["host"] = f"{tenant.slug}.api.us.example.com"
        every = [permission.key for permission in service.catalogue.permissions]
        for name, keys in (("all", every), ("one", [ONE]), ("none", [])):
            created = await tokens.create(person.principal, service, name=name, permissions=keys)
            made[name] = created.secret
        other = await world.person()
        await models.Tenant.filter(id=other.admin.tenant_id).update(requests_per_hour=2)
        tenant = await models.Tenant.get(id=other.admin.tenant_id)
        made["limited_host"] = f"{tenant.slug}.api.us.example.com"
        created = await tokens.create(other.principal, service, name="l", permissions=every)
        made["limited"] = created.secret
        return made
