"""A server, and the service on SQLite with a signed-in owner."""

from collections.abc import AsyncIterator, Iterator

import pytest

from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.command import tessera_here
from tests.support.factories import PASSWORD, Client, Person, World
from tests.support.graphql_http import client_of
from tests.support.process import ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A real server process on SQLite with the tenant `acme`."""
    folder = tmp_path_factory.mktemp("over-http")
    url = f"sqlite://{folder / 'tessera.db'}"
    owner = ["--owner-email", "owner@acme.example", "--owner-name", "Owner"]
    made = tessera_here(
        *("tenant", "create", "acme", "--name", "Acme", *owner, "--password-stdin"),
        database_url=url,
        stdin=f"{PASSWORD}\n",
    )
    assert made.returncode == 0, made.stderr
    with ServerProcess(folder, database_url=url) as running:
        yield running


@pytest.fixture
async def alone(sqlite_url: str) -> AsyncIterator[Service]:
    """The service on SQLite alone, for requests that reach no database."""
    async with running_service(settings_for(sqlite_url)) as running:
        yield running


@pytest.fixture
async def person(alone: Service) -> Person:
    return await World(alone).person()


@pytest.fixture
async def owner(alone: Service, person: Person) -> AsyncIterator[Client]:
    """A signed-in owner."""
    async with client_of(alone) as stranger:
        yield stranger.of(person)
