"""Backups of both databases, restored as documented, and the permissions of their files."""

import asyncio
import os
import re
import sqlite3
import stat
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx2
import pytest

from server.app import running_service
from server.catalogue import read_catalogue
from server.cli import main
from server.database import migrate
from tests.conftest import settings_for
from tests.support.factories import Client, Person, World
from tests.support.gateways import HOST, Gateway
from tests.support.postgres import PostgresServer, client_programs
from tests.support.process import ROOT, TESSERA, ServerProcess, tessera

_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
KEY = next(p.key for p in read_catalogue(None).permissions if p.key == "GET /api/v1/devices")
_CREATE = "... on CreateTokenPayload { secret }"


def _documented(database: str) -> list[str]:
    """The command blocks of the chapter on one database, in order."""
    chapters = (ROOT / "docs" / "backup.md").read_text().split("\n## ")
    chapter = next(text for text in chapters if text.startswith(database))
    return _BLOCK.findall(chapter)


def _run(commands: str, folder: Path, **variables: str) -> None:
    """Run a command block as documented, with `folder` in place of `/srv`."""
    shim = folder / "tessera"
    shim.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec {TESSERA[0]} -m server "$@"\n')
    shim.chmod(0o755)
    path = f"{folder}:{client_programs()}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", commands.replace("/srv/", f"{folder}/srv/")],
        env={"PATH": path, **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder in place of the chapter's `/srv`."""
    (tmp_path / "srv" / "tessera").mkdir(parents=True)
    (tmp_path / "srv" / "backups").mkdir()
    return tmp_path


async def _person(url: str) -> Person:
    async with running_service(settings_for(url)) as service:
        world = World(service)
        return await world.person(await world.tenant("acme"))


@asynccontextmanager
async def _client_of(server: ServerProcess, person: Person) -> AsyncIterator[Client]:
    async with httpx2.AsyncClient(base_url=server.url, timeout=20, verify=False) as http:
        yield Client(http).of(person)


async def _create(client: Client, number: int) -> str:
    made = await client.mutate("createToken", _CREATE, name=f"t{number}", permissions=[KEY])
    secret: str = made["secret"]
    return secret


async def _answers(server: ServerProcess, secrets: list[str]) -> list[int]:
    async with httpx2.AsyncClient(base_url=server.url, timeout=20, verify=False) as http:
        gateway, host = Gateway(http), HOST.format(slug="acme")
        return [(await gateway.ask(secret, host=host)).status_code for secret in secrets]


async def _back_up_under_load(client: Client, commands: str, folder: Path, url: str) -> list[str]:
    """Run the block while tokens are created; returns the secrets of those created before it."""
    before = [await _create(client, number) for number in range(5)]
    backup = asyncio.create_task(
        asyncio.to_thread(_run, commands, folder, TESSERA_DATABASE_URL=url)
    )
    number = 5
    while not backup.done():
        await _create(client, number)
        number += 1
    await backup
    assert number > 6, "nothing was written meanwhile"
    return before


async def test_sqlite_database_in_use_is_backed_up_and_restored(folder: Path) -> None:
    """A copy with `cp` lost all of five tokens."""
    database = folder / "srv" / "tessera" / "tessera.db"
    url = f"sqlite://{database}"
    person = await _person(url)
    back_up, restore = _documented("SQLite")
    with ServerProcess(folder, database_url=url) as server:
        async with _client_of(server, person) as client:
            secrets = await _back_up_under_load(client, back_up, folder, url)
            late = await _create(client, 10**6)
        server.stop()
        copy = folder / "srv" / "backups" / "tessera-monday.db"
        assert _modes(copy) == {copy.name: 0o600}
        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        _run(restore, folder)
        server.start()
        assert await _answers(server, [*secrets, late]) == [200] * 5 + [401]
        assert set(_modes(database).values()) == {0o600}


async def test_postgres_database_in_use_is_backed_up_and_restored(
    folder: Path, postgres_url: str, postgres: PostgresServer
) -> None:
    person = await _person(postgres_url)
    back_up, restore = _documented("PostgreSQL")
    restored = postgres.url("tessera_restored")
    with ServerProcess(folder, database_url=postgres_url) as server:
        async with _client_of(server, person) as client:
            secrets = await _back_up_under_load(client, back_up, folder, postgres_url)
    dump = folder / "srv" / "backups" / "tessera-monday.dump"
    assert _modes(dump) == {dump.name: 0o600}
    await postgres.drop_database(restored)
    _run(restore, folder, TESSERA_DATABASE_URL=postgres_url, RESTORED_DATABASE_URL=restored)
    try:
        with ServerProcess(folder, database_url=restored) as server:
            assert await _answers(server, secrets) == [200] * 5
    finally:
        await postgres.drop_database(restored)


# Refusals


def _refusal(capsys: pytest.CaptureFixture[str], url: str, copy: Path) -> str:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TESSERA_DATABASE_URL", url)
        assert main(["backup", str(copy)]) == 1
    said = capsys.readouterr()
    assert re.fullmatch(r"tessera: [A-Z][^\n]+\.\n", said.err), said.err
    return said.err


def test_backup_never_overwrites_a_file(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("file", "link"):
        copy = tmp_path / name
        if name == "file":
            copy.write_text("precious")
        else:
            copy.symlink_to(tmp_path / "nowhere")
        assert "exists already" in _refusal(capsys, sqlite_url, copy)
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize("place", ["missing/copy.db", "tessera.db/copy.db", "x" * 300])
def test_unwritable_target_is_reported(
    place: str, sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "cannot be written" in _refusal(capsys, sqlite_url, tmp_path / place)
    assert {file.name for file in tmp_path.iterdir()} == _modes(tmp_path / "tessera.db").keys()


def test_file_that_is_no_database_is_not_backed_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.db"
    missing = _refusal(capsys, f"sqlite://{tmp_path}/none.db", copy)
    assert "does not exist" in missing
    (tmp_path / "text.db").write_text("hello " * 1000)
    assert "cannot be written" in _refusal(capsys, f"sqlite://{tmp_path}/text.db", copy)
    assert "pg_dump" in _refusal(capsys, "postgres://u:hunter2@h/db", copy)
    assert not copy.exists()


def test_file_name_may_be_invalid_utf_8(sqlite_url: str, tmp_path: Path) -> None:
    done = tessera("backup", f"{tmp_path}/\udcff", database_url=sqlite_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "\udcff").exists()


# Permissions of files


def _modes(database: Path) -> dict[str, int]:
    """The modes of the database's file and of the files beside it."""
    beside = database.parent.glob(f"{database.name}*")
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in beside}


async def test_only_the_owner_can_read_the_files_of_sqlite(tmp_path: Path) -> None:
    """They hold the digest key."""
    database = tmp_path / "tessera.db"
    mask = os.umask(0)
    try:
        async with running_service(settings_for(f"sqlite://{database}")) as service:
            await World(service).tenant()
            assert _modes(database) == dict.fromkeys(
                ("tessera.db", "tessera.db-wal", "tessera.db-shm"), 0o600
            )
    finally:
        os.umask(mask)


async def test_readable_files_are_made_private(sqlite_url: str, tmp_path: Path) -> None:
    database = tmp_path / "tessera.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE token_brand SET brand = brand")
        connection.commit()
        for name in _modes(database):
            (tmp_path / name).chmod(0o644)
        assert len(_modes(database)) == 3
        await migrate(settings_for(sqlite_url))
        assert set(_modes(database).values()) == {0o600}


async def test_database_behind_a_symbolic_link_is_made_private(tmp_path: Path) -> None:
    real = tmp_path / "disk"
    real.mkdir()
    (tmp_path / "link.db").symlink_to(real / "tessera.db")
    await migrate(settings_for(f"sqlite://{tmp_path}/link.db"))
    assert set(_modes(real / "tessera.db").values()) == {0o600}


async def test_file_of_another_owner_is_left_alone(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tessera.db").chmod(0o640)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    await migrate(settings_for(sqlite_url))
    assert _modes(tmp_path / "tessera.db")["tessera.db"] == 0o640
