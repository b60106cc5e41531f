"""A library that lacks a private part: the service takes the public way and says so, or refuses.

`tests.architecture.private_parts` keeps the parts in `server.internals`.
"""

import subprocess
from pathlib import Path

import pytest

import models
from server.dataplane.authorize import Authorize
from server.internals import tortoise, uvicorn
from server.service import Service
from tests.support import without
from tests.support.factories import World
from tests.support.process import ServerProcess, tessera_environment
from tests.support.serving import exchange, serving

_HTTPTOOLS = "uvicorn.protocols.http.httptools_impl"
_ASYNCPG = "tortoise.backends.asyncpg.client"
_SQLITE = "tortoise.backends.sqlite.client"


@pytest.mark.parametrize(
    ("part", "says", "loss"),
    [
        (f"{_HTTPTOOLS}:RequestResponseCycle", "uvicorn 0", "no limit of header size"),
        (
            f"{_HTTPTOOLS}:HttpToolsProtocol._start_asgi_task",
            "HttpToolsProtocol._start_asgi_task",
            "no limit of header size",
        ),
        (f"{_ASYNCPG}:AsyncpgDBClient", "AsyncpgDBClient", "cannot be used safely"),
        (f"{_ASYNCPG}:TransactionWrapper", "TransactionWrapper", "cannot be used safely"),
        (
            f"{_SQLITE}:SqliteTransactionContext._trxlock",
            "SqliteTransactionContext._trxlock",
            "cannot be used safely",
        ),
    ],
)
def test_without_a_part_that_nothing_replaces_it_refuses_to_start(
    tmp_path: Path, part: str, says: str, loss: str
) -> None:
    done = subprocess.run(
        [*without.command(part), "serve", "--port", "0"],
        env=tessera_environment(f"sqlite://{tmp_path}/tessera.db"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("tessera: ")
    assert says in sentence
    assert loss in sentence
    assert "requirements.txt" in sentence


def test_without_uvicorns_signal_hook_it_serves_and_says_so(tmp_path: Path) -> None:
    command = without.command("uvicorn:Server.capture_signals")
    with ServerProcess(tmp_path, command=command) as server:
        pass
    assert "uvicorn" in _warning(server.log())


def _warning(log: str) -> str:
    """The line about a private part, of which there is one."""
    (line,) = [line for line in log.splitlines() if "a private part of a library" in line]
    return line


async def test_no_part_is_missing_from_the_installed_versions(service: Service) -> None:
    uvicorn.require_protocol()
    tortoise.require_clients()


async def test_checks_take_the_short_cut(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through uvicorn and ASGI the answers are the same, at several times the cost."""
    through_asgi: list[str] = []
    original = Authorize.__call__

    async def called(self: Authorize, *arguments: object) -> None:
        through_asgi.append("check")
        await original(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Authorize, "__call__", called)
    person = await world.person()
    slug = (await models.Tenant.get(id=person.admin.tenant_id)).slug
    check = (
        f"GET /authorize HTTP/1.1\r\nHost: {slug}.api.us.example.com\r\n"
        "X-Original-Method: GET\r\nX-Original-URI: /api/v1/devices\r\nConnection: close\r\n\r\n"
    ).encode()
    async with serving(service) as short, serving(service, past_uvicorn=False) as long:
        assert b" 401 " in await exchange(short, check, 5)
        assert through_asgi == []
        assert b" 401 " in await exchange(long, check, 5)
        assert through_asgi == ["check"]
