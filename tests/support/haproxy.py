"""A real HAProxy for tests: in front of a primary and its standby, or of instances of Tessera.

Before databases it asks a small HTTP server, which stands for a failover manager, which of the two
leads. Before instances it asks their `/readyz`.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.postgres import PostgresCluster
from tests.support.process import LOOPBACK, Child, answers_at, free_port
from tests.support.proxies import program_of
from tests.support.waiting import until

# As docs/operating.md shows it, with the checks more often.
_CONFIGURATION = """
defaults
    mode tcp
    timeout connect 1s
    timeout client 1h
    timeout server 1h
listen postgres
    bind {host}:{port}
    option httpchk GET /primary
    http-check expect status 200
    default-server inter 100ms fall 2 rise 1 on-marked-down shutdown-sessions
"""
_SERVER = "    server server{number} {host}:{port} check port {manager}\n"


class Proxy:
    """A port that leads to the server that `lead_to` named last."""

    def __init__(self, leader: PostgresCluster) -> None:
        self.port = free_port()
        self._leader = leader

    def url(self, database_url: str) -> str:
        """The URL of a database of the servers', by way of HAProxy."""
        parts = urlsplit(database_url)
        place = f"{parts.netloc.rpartition('@')[0]}@{LOOPBACK}:{self.port}"
        return parts._replace(netloc=place).geturl()

    def lead_to(self, leader: PostgresCluster) -> None:
        """Have the manager name `leader`: HAProxy ends the connections to the other."""
        self._leader = leader

    async def _answer(
        self, of: PostgresCluster, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        status = "200 OK" if of is self._leader else "503 Service Unavailable"
        writer.write(f"HTTP/1.0 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()


@asynccontextmanager
async def haproxy(folder: Path, servers: Sequence[PostgresCluster]) -> AsyncIterator[Proxy]:
    """Leads to the first server. Skips the test where the program is missing; fails in CI."""
    program = program_of("haproxy")
    proxy = Proxy(servers[0])
    text = _CONFIGURATION.format(host=LOOPBACK, port=proxy.port)
    async with AsyncExitStack() as stack:
        for number, server in enumerate(servers):
            manager = await stack.enter_async_context(
                await asyncio.start_server(partial(proxy._answer, server), LOOPBACK, 0)
            )
            port = manager.sockets[0].getsockname()[1]
            text += _SERVER.format(number=number, host=LOOPBACK, port=server.port, manager=port)
        configuration = folder / "haproxy.cfg"
        configuration.write_text(text)
        command = [program, "-db", "-f", str(configuration)]
        stack.enter_context(Child(command, log=folder / "haproxy.log"))

        async def listens() -> bool:
            return answers_at(proxy.port)

        await until(listens)
        yield proxy


# As docs/operating.md shows it, with the checks more often.
_BALANCER = """
global
    stats socket {socket} mode 600 level admin
defaults
    mode http
    timeout connect 1s
    timeout client 1m
    timeout server 1m
    timeout check 10s
    option redispatch
listen tessera
    bind {host}:{port}
    balance roundrobin
    option httpchk GET /readyz
    http-check expect status 200
    default-server inter 200ms fall 1 rise 1
"""
_INSTANCE = "    server {port} {host}:{port} check\n"


class Balancer:
    """A port that leads to the instances that are ready."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._socket = folder / "haproxy.sock"

    async def take_out(self, port: int) -> None:
        """Send no further request to the instance at `port`."""
        await self._command(f"set server tessera/{port} state drain")

    async def put_back(self, port: int) -> None:
        """Send requests to the instance at `port` again."""
        await self._command(f"set server tessera/{port} state ready")

    async def ready(self) -> set[int]:
        """The ports of the instances that get requests."""
        lines = (await self._command("show stat")).splitlines()
        names = lines[0].removeprefix("# ").split(",")
        rows = [dict(zip(names, line.split(","), strict=False)) for line in lines[1:] if line]
        up = [row["svname"] for row in rows if row["status"] == "UP"]
        return {int(name) for name in up if name.isdecimal()}

    async def _command(self, command: str) -> str:
        reader, writer = await asyncio.open_unix_connection(self._socket)
        writer.write(f"{command}\n".encode())
        answer = await reader.read()
        writer.close()
        return answer.decode()


@asynccontextmanager
async def balancer(folder: Path, ports: Sequence[int]) -> AsyncIterator[Balancer]:
    """Balances over the instances at these ports that are ready, request by request."""
    program = program_of("haproxy")
    balancing = Balancer(folder)
    text = _BALANCER.format(socket=balancing._socket, host=LOOPBACK, port=balancing.port)
    text += "".join(_INSTANCE.format(host=LOOPBACK, port=port) for port in ports)
    configuration = folder / "balancer.cfg"
    configuration.write_text(text)
    command = [program, "-db", "-f", str(configuration)]
    with Child(command, log=folder / "balancer.log"):

        async def listens() -> bool:
            return answers_at(balancing.port)

        await until(listens)
        yield balancing
