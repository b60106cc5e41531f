"""Fixtures for the tests of migrations."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import models
from server.database import migrations
from server.database.connections import apps_of
from tests.support.postgres import PostgresServer


@pytest.fixture(params=["sqlite", "postgres"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database without a schema, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite://{tmp_path}/bare.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database_now()
    yield url
    server.drop_database_now(url)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations that the database code uses; a test adds or removes files."""
    folder = tmp_path / f"migrations_of_{tmp_path.name}"
    shutil.copytree(Path(models.__file__).parent / "migrations", folder)
    monkeypatch.syspath_prepend(tmp_path)
    apps = apps_of

    def planted_apps(name: str) -> dict[str, dict[str, Any]]:
        return {"models": apps(name)["models"] | {"migrations": folder.name}}

    monkeypatch.setattr(migrations, "apps_of", planted_apps)
    return folder
