"""`tessera serve` with another document: when it refuses to start, and `--accept-removals`."""

from pathlib import Path

import models
from server.service import Service
from tests.support.factories import World
from tests.support.process import ServerProcess, tessera

DOCUMENT = """
openapi: 3.1.0
info: {title: T, version: "1"}
paths:
  /api/v1/devices: {get: {summary: List}}
"""
TAG = "DELETE /api/v1/tags/{tag_id}"


async def test_serve_refuses_to_take_from_live_tokens_until_it_is_told_to(
    service: Service, world: World, tmp_path: Path
) -> None:
    (tmp_path / "new.yaml").write_text(DOCUMENT)
    url, spec = service.settings.database_url, {"TESSERA_API_SPEC": str(tmp_path / "new.yaml")}
    await world.token(await world.person(), "loses one", [TAG])
    with ServerProcess(tmp_path, database_url=url):
        pass
    with ServerProcess(tmp_path, database_url=url):
        pass
    assert await models.CatalogueVersion.all().count() == 1
    refused = tessera("serve", "--port", "0", database_url=url, settings=spec)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "takes 1 permissions from 1 live tokens of 1 tenants" in refused.stderr
    assert TAG in refused.stderr
    assert "--accept-removals" in refused.stderr
    checked = tessera("catalogue", "check", str(tmp_path / "new.yaml"), database_url=url)
    assert "0 added, 120 removed, 0 renamed, 0 moved" in checked.stdout
    arguments = ["--accept-removals"]
    with ServerProcess(tmp_path, database_url=url, settings=spec, arguments=arguments):
        pass
    with ServerProcess(tmp_path, database_url=url, settings=spec):
        pass  # accepted once
    assert await models.CatalogueVersion.all().count() == 2
