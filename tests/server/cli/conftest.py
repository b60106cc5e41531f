"""A database for commands, and a server whose database commands change."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import ServerProcess


@pytest.fixture
def url(migrated_file: Path, tmp_path: Path) -> str:
    return f"sqlite://{shutil.copy(migrated_file, tmp_path / 'tessera.db')}"


@pytest.fixture
def fresh_url(tmp_path: Path) -> str:
    """The URL of a database that does not exist yet."""
    return f"sqlite://{tmp_path}/tessera.db"


@pytest.fixture(scope="module")
def served_url(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The database of `server`, which commands change while it is served."""
    return f"sqlite://{shutil.copy(migrated_file, tmp_path_factory.mktemp('served'))}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, served_url: str) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("server")
    with ServerProcess(folder, database_url=served_url) as running:
        yield running
