"""HAProxy as the gateway: the decision log has the client's real address.

`option forwardfor` adds a line after the client's, and HAProxy forwards trailers.
"""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path

import models
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.gateway_stack import create_rows
from tests.support.process import LOOPBACK, Child, ServerProcess, free_port
from tests.support.proxies import program_of, wait_until_open

CLIENT = "127.0.0.2"
FORGED = [f"198.51.100.{n}" for n in range(25)]
CONFIGURATION = """
defaults
    mode http
    timeout connect 2s
    timeout client 10s
    timeout server 10s
frontend api
    bind 127.0.0.1:{port}
    default_backend tessera
backend tessera
    option forwardfor
    http-request set-header X-Original-Method %[method]
    http-request set-header X-Original-URI %[url]
    http-request set-uri /authorize
    server tessera 127.0.0.1:{tessera_port}
"""


def headers(addresses: list[str]) -> str:
    return "".join(f"X-Forwarded-For: {address}\r\n" for address in addresses)


def ask(port: int, request: str) -> int:
    source = (CLIENT, 0)
    with socket.create_connection((LOOPBACK, port), timeout=10, source_address=source) as client:
        client.sendall(request.encode())
        response = HTTPResponse(client)
        response.begin()
        response.read()
        return response.status


# Header lines and trailers that a client sends.
FORGERIES: tuple[tuple[list[str], list[str]], ...] = (
    ([], []),
    (FORGED, []),
    ([", ".join(FORGED)], []),
    ([f'"{FORGED[0]}', "unknown", ""], []),
    ([], FORGED),
    (FORGED, FORGED),
)


@contextmanager
def haproxy(folder: Path, tessera_port: int) -> Iterator[int]:
    """The port of an HAProxy that checks with the server at `tessera_port`."""
    port = free_port()
    file = folder / "haproxy.cfg"
    file.write_text(CONFIGURATION.format(port=port, tessera_port=tessera_port))
    command = [program_of("haproxy"), "-db", "-f", str(file)]
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    with Child(command, log=folder / "haproxy.log", environment=environment) as child:
        wait_until_open(port, child)
        yield port


def test_client_cannot_forge_its_address(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/tessera.db"
    made = [asyncio.run(create_rows(url)) for _ in FORGERIES]
    with (
        ServerProcess(tmp_path, database_url=url) as server,
        haproxy(tmp_path, server.port) as port,
    ):
        for tenant, (lines, trailers) in zip(made, FORGERIES, strict=True):
            request = (
                f"GET /api/v1/devices HTTP/1.1\r\nHost: {tenant['host']}\r\nConnection: close\r\n"
                f"Authorization: Bearer {tenant['all']}\r\n{headers(lines)}"
                f"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n{headers(trailers)}"
            )
            assert ask(port, f"{request}\r\n") == 200
            # A bearer in a trailer does not count.
            without = request.replace("Authorization", "X-Other")
            assert ask(port, f"{without}Authorization: Bearer {tenant['all']}\r\n\r\n") == 401
        server.stop()  # flushes the decision log
    for tenant in made:
        assert asyncio.run(recorded(url, tenant["host"])) == {CLIENT}


async def recorded(url: str, host: str) -> set[str | None]:
    async with running_service(settings_for(url)):
        tenant = await models.Tenant.get(slug=host.partition(".")[0])
        return {use.last_used_from for use in await models.TokenLastUse.filter(tenant_id=tenant.id)}
