"""Tokens in every state, for questions that `explain` and `/authorize` must answer alike."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from tortoise.models import Model

import models
from models import RotationPart
from server.app import App, create_app
from server.catalogue import read_catalogue
from server.database import database_now
from server.decisions.explanation import Explanation
from server.decisions.rotation_requests import RotationRequest
from server.operations import conditions, explaining, policies, rotation, tokens
from server.operations.explaining import Request
from server.operations.policies import PolicyValues
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Person, World
from tests.support.gateways import Gateway, gateway

DOCUMENT = """
openapi: 3.1.0
info: {title: API, version: "1"}
servers: [{url: /api/v1}, {url: /api/v2}]
paths:
  /devices: {get: {summary: List}, post: {summary: Add}}
  /devices/{id}: {get: {summary: Read}, delete: {summary: Drop}}
  /devices/{id}/Notes: {get: {summary: Notes}}
  /files/{path}:
    parameters: [{name: path, in: path, required: true, schema: {type: string}}]
    get: {summary: File}
  /reports.{kind}/: {get: {summary: Report}}
  /broken: {get: {summary: Closed, servers: [{url: "https://h/{a}"}]}, put: {summary: Put}}
"""
GET, READ, NOTES = "GET /devices", "GET /devices/{id}", "GET /devices/{id}/Notes"
INSIDE, OUTSIDE = "203.0.113.7", "198.51.100.1"
NETWORK = "203.0.113.0/24"
OWN = "{slug}.api.us.example.com"


@dataclass
class Known:
    """A token with all the secrets that it ever had, the newest last."""

    id: UUID
    owner: Person
    slug: str
    secrets: list[str] = field(repr=False)


@dataclass
class Place:
    """An application, a gateway before it, and tokens by the name of their state."""

    service: Service
    app: App
    gateway: Gateway
    known: dict[str, Known]

    async def authorize(self, secret: str, host: str, request: Request) -> tuple[int, str | None]:
        """Status and code of the check; counts it as one."""
        answer = await self.gateway.ask(
            secret,
            request.method,
            request.url,
            host=host,
            headers={"X-Forwarded-For": request.address},
        )
        status = int(answer.headers.get("x-tessera-status", answer.status_code))
        return status, answer.headers.get("x-tessera-code")

    async def explain(
        self, token: Known, request: Request, secret: str | None = None
    ) -> Explanation | None:
        """The explanation, of the token's newest live secret or of `secret`."""
        digests = self.service.digest_key.digests("token", secret) if secret else ()
        limiter = self.app._authorize.rate_limiter
        return await explaining.explain(
            token.owner.principal, self.service, limiter, token.id, request, digests
        )


async def open_place(stack: AsyncExitStack, folder: Path, url: str) -> Place:
    """Open it for as long as `stack`."""
    document = folder / "api.yaml"
    document.write_text(DOCUMENT)
    service = await stack.enter_async_context(running_service(settings_for(url)))
    service = replace(service, catalogue=read_catalogue(document))
    app = create_app(service)
    stack.push_async_callback(app.close)
    asking = gateway(app)
    await stack.enter_async_context(asking.http)
    return Place(service, app, asking, await _tokens(World(service)))


async def snapshot() -> Mapping[str, list[str]]:
    """Every row of every table."""
    row_classes = [getattr(models, name) for name in models.__all__]
    return {
        row_class.__name__: sorted(map(repr, await row_class.all().values()))
        for row_class in row_classes
        if isinstance(row_class, type) and issubclass(row_class, Model) and row_class._meta.db_table
    }


async def _tokens(world: World) -> dict[str, Known]:
    person, bound = await world.person(), await world.person()
    await policies.set_policy(bound.principal, PolicyValues(networks=[NETWORK]))
    made: dict[str, Known] = {}

    async def new(name: str, owner: Person = person, **more: Any) -> Known:
        tenant = await models.Tenant.get(id=owner.admin.tenant_id)
        more = {"permissions": [GET, READ, NOTES]} | more
        created = await world.token(owner, name, **more)
        made[name] = Known(created.token.id, owner, tenant.slug, [created.secret])
        return made[name]

    await new("active")
    await new("without permissions", permissions=[])
    await new("of a tenant with networks", bound)
    await conditions.set_networks(
        bound.principal, (await new("of both", bound)).id, [f"{INSIDE}/32"]
    )
    await conditions.set_networks(person.principal, (await new("with networks")).id, [NETWORK])
    await conditions.set_rate_limit(person.principal, (await new("with a limit")).id, 3)
    paused = await new("paused")
    await conditions.pause(person.principal, paused.id)
    await tokens.revoke(person.principal, (await new("revoked")).id)
    await new("with a later expiry")
    await conditions.set_expiry(
        person.principal, made["with a later expiry"].id, await database_now() + timedelta(days=9)
    )
    expired = await new("expired")
    past = await database_now() - timedelta(days=1)
    for row_class, column in ((models.Token, "id"), (models.TokenSecret, "token_id")):
        rows = row_class.filter(**{column: expired.id, "tenant_id": person.admin.tenant_id})
        await rows.update(expires_at=past)
    for name in ("pending", "taken back", "kept new", "revoked while pending", "old has ended"):
        await _rotate(world, await new(name))
    await _rotate(world, await new("compromised"), compromised=True)
    await rotation.end_rotation(person.principal, made["taken back"].id, RotationPart.OLD)
    await rotation.end_rotation(person.principal, made["kept new"].id, RotationPart.NEW)
    await tokens.revoke(person.principal, made["revoked while pending"].id)
    ended = made["old has ended"].id
    old = models.TokenSecret.filter(
        tenant_id=person.admin.tenant_id, token_id=ended, rotation="OLD"
    )
    await old.update(retires_at=past)
    # So that the first use of the new one, in some example, does not let the old one drain.
    rotations = models.TokenRotation.filter(tenant_id=person.admin.tenant_id, id=ended)
    await rotations.update(latest_by=past)
    return made


async def _rotate(world: World, token: Known, **how: Any) -> None:
    request = RotationRequest(**how)
    rotated = await rotation.rotate(token.owner.principal, world.service, token.id, request)
    token.secrets.append(rotated.secret)
