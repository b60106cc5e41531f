"""A running gateway of each kind with server and upstream, shared by the tests of gateways."""

import asyncio
from collections.abc import Iterator

import pytest

from server.catalogue import read_catalogue
from tests.support.collector import collecting
from tests.support.gateway_stack import GatewayStack, create_rows
from tests.support.process import ServerProcess
from tests.support.proxies import KINDS, Upstream, proxy


@pytest.fixture(scope="session", params=KINDS)
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayStack]:
    folder = tmp_path_factory.mktemp(f"stack-{request.param}")
    url = f"sqlite://{folder}/tessera.db"
    made = asyncio.run(create_rows(url))
    catalogue = read_catalogue(None)
    settings = {"TESSERA_GATEWAY": request.param, "TESSERA_PASS_PREFLIGHT": "yes"}
    settings["TESSERA_TRACE_AUTHORIZE_RATIO"] = "1"
    with (
        Upstream(catalogue) as upstream,
        collecting() as collector,
        ServerProcess(folder, database_url=url, settings=settings | collector.settings) as server,
        proxy(request.param, folder, server.port, upstream.port) as gate,
    ):
        yield GatewayStack(gate, upstream, server, catalogue, collector, database_url=url, **made)
