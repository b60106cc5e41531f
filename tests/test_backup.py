"""Backups of both databases, restored as documented, and the permissions of their files."""

import asyncio
import os
import re
import sqlite3
import stat
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx2
import pytest

from server.catalogue import read_catalogue
from server.cli import main
from server.database import migrate
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Client, Person, World
from tests.support.gateways import HOST, Gateway
from tests.support.postgres import PostgresServer, client_programs
from tests.support.process import ROOT, TESSERA, ServerProcess, tessera
from tests.support.recovery import Archiving, Recovered

_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
KEY = next(p.key for p in read_catalogue(None).permissions if p.key == "GET /api/v1/devices")
_CREATE = "... on CreateTokenPayload { secret }"
_FIND = "query ($search: String) { tokens(search: $search) { edges { node { id name } } } }"
_JOURNAL = "srv/other-disk/revocations.ndjson"


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
    (tmp_path / "srv" / "other-disk").mkdir()
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


async def _revoke(client: Client, name: str) -> None:
    """Revoke the token of that name, which a journal notes before it is acknowledged."""
    found = await client.data(_FIND, search=name)
    # The search finds parts of other tokens' hints too.
    [own] = [edge["node"] for edge in found["tokens"]["edges"] if edge["node"]["name"] == name]
    await client.mutate("revokeToken", tokenId=own["id"])


def _serve_refused(url: str, settings: Mapping[str, str] | None = None) -> str:
    """The message of `tessera serve` about a database that was restored."""
    done = tessera("serve", "--port", "0", database_url=url, settings=settings)
    assert done.returncode == 1
    return done.stderr


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
    """A copy with `cp` lost all of five tokens. Tokens revoked since the backup stay dead."""
    database = folder / "srv" / "tessera" / "tessera.db"
    url = f"sqlite://{database}"
    person = await _person(url)
    back_up, restore = _documented("SQLite")
    journal = {"TESSERA_REVOCATIONS_FILE": str(folder / _JOURNAL)}
    with ServerProcess(folder, database_url=url, settings=journal) as server:
        async with _client_of(server, person) as client:
            secrets = await _back_up_under_load(client, back_up, folder, url)
            late = await _create(client, 10**6)
            await _revoke(client, "t0")
        server.stop()
        copy = folder / "srv" / "backups" / "tessera-monday.db"
        assert _modes(copy) == {copy.name: 0o600}
        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        *put_in_place, told = restore.splitlines(keepends=True)
        _run("".join(put_in_place), folder)
        assert "was restored or copied" in _serve_refused(url)
        _run(told, folder, TESSERA_DATABASE_URL=url)
        server.start()
        assert await _answers(server, [*secrets, late]) == [401, *[200] * 4, 401]
        async with _client_of(server, person) as client:
            assert (await client.graphql("{ viewer { id } }")).status_code == 401
        assert set(_modes(database).values()) == {0o600}


async def test_postgres_database_in_use_is_backed_up_and_restored(
    folder: Path, postgres_url: str, postgres: PostgresServer
) -> None:
    person = await _person(postgres_url)
    back_up, _under_row_security, restore = _documented("PostgreSQL")
    restored = postgres.url("tessera_restored")
    journal = {"TESSERA_REVOCATIONS_FILE": str(folder / _JOURNAL)}
    with ServerProcess(folder, database_url=postgres_url, settings=journal) as server:
        async with _client_of(server, person) as client:
            secrets = await _back_up_under_load(client, back_up, folder, postgres_url)
            await _revoke(client, "t0")
    dump = folder / "srv" / "backups" / "tessera-monday.dump"
    assert _modes(dump) == {dump.name: 0o600}
    await postgres.drop_database(restored)
    *filled, told = restore.splitlines(keepends=True)
    urls = {"TESSERA_DATABASE_URL": postgres_url, "RESTORED_DATABASE_URL": restored}
    _run("".join(filled), folder, **urls)
    try:
        assert "was restored or copied" in _serve_refused(restored)
        _run(told, folder, TESSERA_DATABASE_URL=restored)
        with ServerProcess(folder, database_url=restored) as server:
            assert await _answers(server, secrets) == [401, *[200] * 4]
    finally:
        await postgres.drop_database(restored)


async def test_revoked_token_stays_dead_after_a_point_in_time_recovery(folder: Path) -> None:
    """The recovered server is the same one to Tessera: the journal tells, or the operator."""
    [tell] = _documented("Point-in-time")
    journal = {"TESSERA_REVOCATIONS_FILE": str(folder / _JOURNAL)}
    with Archiving() as origin:
        url = origin.create_database_now()
        await migrate(settings_for(url))
        person = await _person(url)
        with ServerProcess(folder, database_url=url, settings=journal) as server:
            async with _client_of(server, person) as client:
                early = await _create(client, 0)
                await asyncio.to_thread(origin.back_up)
                late = await _create(client, 1)
                origin.note_restore_point("monday")
                await _revoke(client, "t0")
        origin.stop()
        with Recovered(origin, "monday") as recovered:
            restored = recovered.url(url.rpartition("/")[2])
            assert "was restored or copied" in _serve_refused(restored, journal)
            _run(tell, folder, TESSERA_DATABASE_URL=restored)
            with ServerProcess(folder, database_url=restored) as server:
                assert await _answers(server, [early, late]) == [401, 200]


# Refusals


def _refusal(
    capsys: pytest.CaptureFixture[str], url: str, copy: Path, command: str = "backup"
) -> str:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TESSERA_DATABASE_URL", url)
        assert main([command, str(copy)]) == 1
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


def test_restore_refuses_what_is_no_backup_and_a_database_in_use(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database, copy = tmp_path / "tessera.db", tmp_path / "copy.db"
    assert tessera("backup", str(copy), database_url=sqlite_url).returncode == 0
    damaged, other = tmp_path / "damaged.db", tmp_path / "other.db"
    content = copy.read_bytes()
    damaged.write_bytes(content[:8192] + b"\xff" * 8192 + content[16384:])
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE t (x)")
    before = database.read_bytes()
    for file, says in ((damaged, "is damaged"), (other, "no database of Tessera")):
        assert says in _refusal(capsys, sqlite_url, file, "restore")
    assert "does not exist" in _refusal(capsys, sqlite_url, tmp_path / "none", "restore")
    assert "its own tools" in _refusal(capsys, "postgres://u@h/db", copy, "restore")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("SELECT count(*) FROM token").fetchone()
        assert "is in use" in _refusal(capsys, sqlite_url, copy, "restore")
    assert database.read_bytes() == before
    assert not list(tmp_path.glob(".tessera-*"))
    assert not list(tmp_path.glob("*.before-*"))


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
