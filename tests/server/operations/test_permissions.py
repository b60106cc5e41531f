"""Live tokens that hold permissions which a new document lacks."""

from pathlib import Path

from server.access.principal import Operator
from server.catalogue import read_catalogue
from server.operations import permissions, tokens
from server.service import Service
from tests.support.command import tessera_here
from tests.support.factories import World
from tests.support.process import ServerProcess, tessera

KEPT = "GET /api/v1/devices"
DROPPED = ("DELETE /api/v1/tags/{tag_id}", "GET /api/v1/tags")
DOCUMENT = """
openapi: 3.1.0
info: {title: T, version: "1"}
paths:
  /api/v1/devices: {get: {summary: List}}
"""


async def test_tokens_of_all_tenants_with_dropped_permissions_are_listed(
    service: Service, world: World, tmp_path: Path
) -> None:
    (tmp_path / "new.yaml").write_text(DOCUMENT)
    new = read_catalogue(tmp_path / "new.yaml")
    a, b = await world.person(), await world.person()
    await world.token(a, "keeps all", [KEPT])
    gone = await world.token(a, "is revoked", DROPPED)
    await tokens.revoke(a.principal, gone.token.id)
    first = await world.token(a, "loses two", [KEPT, *DROPPED])
    second = await world.token(b, "loses one", DROPPED[:1])
    count, shown = await permissions.holders_of_dropped(Operator(), new)
    assert count == 2
    assert {(one.name, one.hint, one.keys) for one in shown} == {
        ("loses two", first.token.hint, DROPPED),
        ("loses one", second.token.hint, DROPPED[:1]),
    }
    assert await permissions.holders_of_dropped(Operator(), service.catalogue) == (0, ())
    assert await permissions.count_dropped(Operator(), new) == permissions.Dropped(3, 2, 2)
    assert (await permissions.count_dropped(Operator(), service.catalogue)).permissions == 0


async def test_command_lists_tokens_with_dropped_permissions(
    service: Service, world: World, tmp_path: Path
) -> None:
    (tmp_path / "new.yaml").write_text(DOCUMENT)
    person = await world.person()
    created = await world.token(person, "loses one", DROPPED[:1])
    url = service.settings.database_url
    done = tessera("catalogue", "check", str(tmp_path / "new.yaml"), database_url=url)
    assert done.returncode == 0, done.stderr
    assert "1 live tokens hold permissions that this document lacks" in done.stdout
    assert f"{created.token.hint} loses one: {DROPPED[0]}" in done.stdout


async def test_serve_logs_counts_of_dropped_permissions(
    service: Service, world: World, tmp_path: Path
) -> None:
    (tmp_path / "new.yaml").write_text(DOCUMENT)
    await world.token(await world.person(), "loses two", DROPPED)
    url, spec = service.settings.database_url, str(tmp_path / "new.yaml")
    settings = {"TESSERA_API_SPEC": spec}
    with ServerProcess(tmp_path, database_url=url, settings=settings) as server:
        pass
    log = server.log()
    assert "live tokens hold permissions that the API's document lacks" in log
    assert "2 permissions of 1 tokens in 1 tenants" in log


def test_command_without_a_database_says_so_and_creates_none(tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text(DOCUMENT)
    url = f"sqlite://{tmp_path}/none.db"
    done = tessera_here("catalogue", "check", str(tmp_path / "new.yaml"), database_url=url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("tokens were not checked: there is no database\n")
    assert not (tmp_path / "none.db").exists()
    unreachable = "postgres://nobody:x@127.0.0.1:1/none"
    done = tessera_here("catalogue", "check", str(tmp_path / "new.yaml"), database_url=unreachable)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("tokens were not checked: the database does not answer\n")
