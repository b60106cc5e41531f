"""A server that is killed while it records a pick-up leaves the old secret alive, never the other
way round: a secret is refused only if its rotation says since when. A record outlives the server.
"""

import asyncio
from pathlib import Path

import models
from server.decisions.decide import denial_of_secret
from server.decisions.rotation_requests import RotationRequest
from server.decisions.terms import terms_of_any_tenant
from server.operations import rotation, tokens
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import World
from tests.support.process import ServerProcess
from tests.support.soak import repeats
from tests.support.waiting import until
from tests.support.wire import Wire, check

ROUNDS = repeats(ci=3, soak=30)
KEY = "GET /api/v1/devices"


async def test_kill_lets_the_old_secret_live_longer_and_never_shorter(
    database_url: str, tmp_path: Path
) -> None:
    async with running_service(settings_for(database_url)) as service:
        person = await World(service).person()
        tenant = await models.Tenant.get(id=person.admin.tenant_id)
        host = f"{tenant.slug}.api.us.example.com"
        server = ServerProcess(tmp_path, database_url=database_url)

        async def is_alive(secret: str) -> bool:
            terms = await terms_of_any_tenant(service.digest_key.digests("token", secret))
            return terms is not None and denial_of_secret(terms) is None

        for round_ in range(ROUNDS):
            old = await tokens.create(person.principal, service, name="t", permissions=[KEY])
            new = await rotation.rotate(
                person.principal, service, old.token.id, RotationRequest(drain_seconds=0)
            )

            async def is_picked_up(token: models.Token = old.token) -> bool:
                row = await models.TokenRotation.get(tenant_id=token.tenant_id, id=token.id)
                return row.picked_up_at is not None

            with server:
                async with Wire(server.port) as wire:
                    assert await wire.ask(check(host, new.secret)) == 200
                    await asyncio.sleep(round_ % 6 * 0.002)
                server.kill9()
            assert await is_alive(old.secret) is not await is_picked_up()
            assert await is_alive(new.secret)
            with server:
                async with Wire(server.port) as wire:
                    assert await wire.ask(check(host, new.secret)) == 200
                    await until(is_picked_up)
                    assert await wire.ask(check(host, old.secret)) == 401
                server.kill9()
            assert await is_picked_up()
            assert not await is_alive(old.secret)
            assert await is_alive(new.secret)
