"""Hostile bytes to a real server: none pass, and none cause a server error."""

import asyncio
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import models
from server.operations import tokens
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import World
from tests.support.process import LOOPBACK, ServerProcess

KEY, TARGET = "GET /api/v1/devices/{device_id}", b"/api/v1/devices/1"
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@dataclass
class Target:
    """A server for one gateway kind, a tenant's host and a token's secret."""

    kind: str
    server: ServerProcess
    host: bytes
    secret: bytes

    def request(self, target: bytes = TARGET, method: bytes = b"GET", *more: bytes) -> bytes:
        """A check as the gateway kind sends it, with more headers."""
        lines = {
            "nginx": [
                b"GET /authorize HTTP/1.1",
                b"Host: " + self.host,
                b"X-Original-Method: " + method,
                b"X-Original-URI: " + target,
            ],
            "envoy": [method + b" /authorize" + target + b" HTTP/1.1", b"Host: " + self.host],
            "caddy": [
                b"GET /authorize HTTP/1.1",
                b"Host: tessera",
                b"X-Forwarded-Host: " + self.host,
                b"X-Forwarded-Method: " + method,
                b"X-Forwarded-Uri: " + target,
            ],
        }[self.kind]
        bearer = [b"Authorization: Bearer " + self.secret, b"Connection: close"]
        return b"\r\n".join([*lines, *bearer, *more, b"", b""])

    def send(self, raw: bytes) -> list[int]:
        """The statuses of all answers."""
        received = b""
        with socket.create_connection((LOOPBACK, self.server.port), 10) as connection:
            try:
                connection.sendall(raw)
                # With it, the server closes the connection after its answer.
                if b"Connection: close" not in raw:
                    connection.shutdown(socket.SHUT_WR)
                while chunk := connection.recv(65536):
                    received += chunk
            except ConnectionError:
                pass  # the server closed the connection
        return [int(status) for status in _STATUS.findall(received)]


@pytest.fixture(scope="module", params=["nginx", "envoy", "caddy"])
def target(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    folder: Path = tmp_path_factory.mktemp(f"bytes-{request.param}")
    url = f"sqlite://{folder}/tessera.db"
    host, secret = asyncio.run(_create_rows(url))
    chosen = {"TESSERA_GATEWAY": request.param}
    with ServerProcess(folder, database_url=url, settings=chosen) as server:
        yield Target(request.param, server, host.encode(), secret.encode())
        assert "unexpected error" not in server.log()
        assert "Traceback" not in server.log()


async def _create_rows(url: str) -> tuple[str, str]:
    async with running_service(settings_for(url)) as service:
        person = await World(service).person()
        tenants = models.Tenant.filter(id=person.admin.tenant_id)
        await tenants.update(requests_per_hour=10**9)
        made = await tokens.create(person.principal, service, name="t", permissions=[KEY])
        return f"{(await tenants.get()).slug}.api.us.example.com", made.secret


def test_plain_request_passes(target: Target) -> None:
    """Without this, the tests below would prove nothing."""
    assert target.send(target.request()) == [200]


_TARGETS = (
    b"", b" ", b"*", b"/", b"//", b"/\xff", b"/\xc3\xa9", b"/%", b"/%ff", b"/%00", b"/\t", b"/a b",
    b"/api/v1/devices/\xff", b"/api/v1/devices/%ff", b"/api/v1/devices/" + b"a" * 60_000,
    b"/api/v1/devices/1/", b"/api/v1/devices/", b"http://x/api/v1/devices/1", b"x", b"?", b"#",
    b"/api/v1/devices/..%2f", b"/api/v1/devices/;", b"/api/v1/devices/\\", b"/api/v1/devices/1\x7f",
    b"/api/v1/devices/1\xc2\xa0", b"/api/v1//devices/1", b"/API/v1/devices/1",
)  # fmt: skip


@pytest.mark.parametrize("path", _TARGETS)
def test_only_a_plain_target_passes(target: Target, path: bytes) -> None:
    statuses = target.send(target.request(path))
    assert statuses
    assert all(400 <= status < 500 for status in statuses)


@pytest.mark.parametrize(
    "method", [b"", b"get", b"GET ", b"G\xc3\x89T", b"POST", b"TRACE", b"A" * 5_000, b"GET, GET"]
)
def test_only_the_plain_method_passes(target: Target, method: bytes) -> None:
    statuses = target.send(target.request(TARGET, method))
    assert statuses
    # White space around a value is not part of it.
    plain = method.strip() == b"GET"
    assert all(400 <= status < 500 or (status == 200 and plain) for status in statuses)


@pytest.mark.parametrize(
    "header",
    [
        b"Authorization: Bearer x", b"Authorization:", b"Authorization: Basic Og==", b"Host: x",
        b"X-Original-URI: /api/v1/devices/1", b"X-Forwarded-Uri: /api/v1/devices/1",
        b"X-Forwarded-Host: x", b"X-Forwarded-Method: GET", b"X-Original-Method: GET",
        b"X-Forwarded-For: \xff", b"X-Forwarded-For: " + b"," * 5_000, b"User-Agent: \xff\x80",
        b"User-Agent: " + b"a" * 60_000, b"X-Request-Id: \xff", b"X-Request-Id: " + b"f" * 5_000,
        b"Upgrade: websocket\r\nConnection: Upgrade", b"Expect: 100-continue", b"Content-Length: 9",
        b"X: " + b"a" * 60_000, b"Transfer-Encoding: chunked", b"X : a", b"nonsense", b"X: a\0b",
    ],
)  # fmt: skip
def test_no_additional_header_causes_a_server_error(target: Target, header: bytes) -> None:
    statuses = target.send(target.request(TARGET, b"GET", header))
    assert statuses
    assert all(status < 500 for status in statuses)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(place=st.floats(0, 1), length=st.integers(0, 12), put=st.binary(max_size=12))
def test_no_damaged_request_causes_a_server_error(
    target: Target, place: float, length: int, put: bytes
) -> None:
    whole = target.request().replace(b"Connection: close", b"Connection: x")
    start = int(place * len(whole))
    for status in target.send(whole[:start] + put + whole[start + length :]):
        assert status < 500
