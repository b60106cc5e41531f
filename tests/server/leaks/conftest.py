"""An application that takes reports of an origin, and a leaked token."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from server.app import create_app
from server.service import Service
from server.settings import LeakOrigin
from tests.support.factories import World
from tests.support.leaks import HERE, KEY_ID, Case, Origin, at, document, listed
from tests.support.tcp_server import tcp_server


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    made = Origin()
    made.document = document(listed(KEY_ID, made.signer))
    async with tcp_server(made.serve) as made.port:
        yield made


@pytest.fixture
async def case(service: Service, world: World, origin: Origin) -> AsyncIterator[Case]:
    person = await world.person()
    made = await world.token(person)
    also = (LeakOrigin("depsdev", "GOSST-PUBLIC-KEY", origin.url),)
    settings = replace(service.settings, leak_keys_url=origin.url, leak_origins=also)
    app = create_app(replace(service, settings=settings))
    async with at(app, HERE) as http:
        yield Case(app, http, origin, service, person, made.token, made.secret)
    await app.close()
