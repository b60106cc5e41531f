"""A running gateway of each kind with server and upstream, shared by the tests of gateways."""

import asyncio
from collections.abc import Iterator

import pytest

from server.catalogue import read_catalogue
from tests.support.process import ServerProcess
from tests.support.proxies import KINDS, Upstream, proxy
from tests.support.streets import Street, furnish


@pytest.fixture(scope="session", params=KINDS)
def street(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Street]:
    folder = tmp_path_factory.mktemp(f"street-{request.param}")
    url = f"sqlite://{folder}/tessera.db"
    made = asyncio.run(furnish(url))
    catalogue = read_catalogue(None)
    settings = {"TESSERA_GATEWAY": request.param, "TESSERA_PASS_PREFLIGHT": "yes"}
    with (
        Upstream(catalogue) as upstream,
        ServerProcess(folder, database_url=url, settings=settings) as server,
        proxy(request.param, folder, server.port, upstream.port) as gate,
    ):
        yield Street(gate, upstream, server, catalogue, database_url=url, **made)
