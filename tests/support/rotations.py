"""A token that is rotated in tests, with a gateway that asks about its secrets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import models
from models import ActivityKind, RotationPart, TokenRotation
from server import database
from server.app import App, create_app
from server.decisions.rotation_requests import RotationRequest
from server.operations import rotation, tokens
from server.service import Service
from tests.support.audit import Birth, read_ledger
from tests.support.factories import Person, World
from tests.support.gateways import Gateway, gateway
from tests.support.waiting import until

KEY = "GET /api/v1/devices"
LIVES, RETIRED = (200, ""), (401, "SECRET_RETIRED")
FROM = {"X-Forwarded-For": "203.0.113.7"}
PICKED_UP = (ActivityKind.ROTATION_PICKED_UP, {"address": "203.0.113.7"})
BY_CLOCK = (ActivityKind.ROTATION_ENDED, {"keep": "NEW", "byClock": True})
# A pick-up is recorded within this time.


@dataclass
class Case:
    """A token that holds one permission, its owner, and a gateway that asks about it."""

    app: App
    gateway: Gateway
    service: Service
    person: Person
    tenant: models.Tenant
    token: models.Token
    secret: str

    async def ask(self, secret: str, target: str = "/api/v1/devices") -> tuple[int, str]:
        """The status and code of a check from 203.0.113.7."""
        host = f"{self.tenant.slug}.api.us.example.com"
        answer = await self.gateway.ask(secret, target=target, host=host, headers=FROM)
        return answer.status_code, answer.headers.get("x-tessera-code", "")

    async def rotate(self, **how: Any) -> str:
        """The new secret."""
        rotated = await rotation.rotate(
            self.person.principal, self.service, self.token.id, RotationRequest(**how)
        )
        return rotated.secret

    async def end(self, keep: RotationPart) -> models.Token:
        return await rotation.end_rotation(self.person.principal, self.token.id, keep)

    async def under_way(self) -> TokenRotation | None:
        """The rotation as admins see it."""
        token = await models.Token.get(tenant_id=self.tenant.id, id=self.token.id)
        return (await rotation.under_way(self.person.principal, [token])).get(token.id)

    async def is_picked_up(self) -> bool:
        row = await TokenRotation.get(tenant_id=self.tenant.id, id=self.token.id)
        return row.picked_up_at is not None

    async def use(self, secret: str) -> None:
        """Use a new secret, and wait until that is recorded."""
        assert await self.ask(secret) == LIVES
        await until(self.is_picked_up)

    async def activity(self) -> list[tuple[ActivityKind, dict[str, Any]]]:
        """All but the creation."""
        rows = models.Activity.filter(tenant_id=self.tenant.id, subject_id=self.token.id)
        return [(row.kind, row.details) for row in await rows.order_by("id")][1:]

    async def hint(self) -> str:
        return (await models.Token.get(tenant_id=self.tenant.id, id=self.token.id)).hint


@asynccontextmanager
async def rotation_case(service: Service, world: World) -> AsyncIterator[Case]:
    """A token for the block; afterwards its rows agree with its activity."""
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    made = await tokens.create(person.principal, service, name="t", permissions=[KEY])
    app = create_app(service)
    async with gateway(app, "nginx").http as http:
        yield Case(app, Gateway(http, "nginx"), service, person, tenant, made.token, made.secret)
    await app.close()
    ledger = await read_ledger([tenant.id])
    held = frozenset(ledger.held[made.token.id])
    granted = [one for one in ledger.story[made.token.id] if "granted" in one.details]
    birth = Birth("t", frozenset({KEY}) if granted else held)
    assert ledger.contradictions(made.token.id, birth) == []


def started(**details: Any) -> tuple[ActivityKind, dict[str, Any]]:
    told = {"compromised": False, "latestBy": None, "drainSeconds": 600}
    return ActivityKind.ROTATION_STARTED, told | details


async def after(instant: datetime) -> None:
    async def is_past() -> bool:
        return await database.database_now() >= instant

    await until(is_past)


async def in_ms(milliseconds: int) -> datetime:
    return await database.database_now() + timedelta(milliseconds=milliseconds)
