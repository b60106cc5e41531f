"""The wheel: it holds every file that serving needs, and serves from an empty environment."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from zipfile import ZipFile

import pytest

from tests.support.deployment import copied_sources, healthcheck, image_command, image_environment
from tests.support.process import (
    LOOPBACK,
    ROOT,
    Child,
    answer_of,
    free_port,
    tessera_environment,
)

# Files besides Python's that the service reads, or that are given to its operators.
_DATA = (
    "server/catalogue/*.json",
    "server/catalogue/recipes_iru/*.yaml",
    "server/console/assets/**/*",
    "server/dataplane/gateways/*",
    "server/passwords/*.txt",
)
_NOT_COPIED = ("node_modules", "__pycache__", "generated", "*.new", "*.old", "*.egg-info")
_CREATE = """mutation ($key: String!) { createToken(input: {name: "t", permissions: [$key]}) {
    ... on CreateTokenPayload { secret } ... on Problem { message } } }"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what the Containerfile copies, and of the tests, which do not belong.

    The pages are those that were built here.
    """
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in (*copied_sources(), "tests"):
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, source)
        else:
            ignore = shutil.ignore_patterns(*_NOT_COPIED)
            shutil.copytree(ROOT / name, source / name, ignore=ignore)
    _pip("wheel", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment with the wheel alone.

    Its dependencies are read from this interpreter's environment, so that no registry is needed.
    """
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=True)
    programs = home / "bin"
    _pip("--python", str(programs / "python"), "install", str(wheel))
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return programs


def _pip(*arguments: str) -> None:
    position = 2 if arguments[0] == "--python" else 0
    offline = [*arguments[: position + 1], "--no-index", "--no-deps", *arguments[position + 1 :]]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--isolated", *offline],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _environment() -> dict[str, str]:
    environment = tessera_environment()
    del environment["PYTHONPATH"]
    return environment


def test_wheel_has_exactly_the_files_for_serving(wheel: Path) -> None:
    names = {
        name
        for name in ZipFile(wheel).namelist()
        if ".dist-info/" not in name and not name.endswith("/")
    }
    code = {
        path.relative_to(ROOT).as_posix()
        for top in ("models", "server")
        for path in (ROOT / top).rglob("*.py")
        if "node_modules" not in path.parts
    }
    data = {
        pattern: {
            path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern) if path.is_file()
        }
        for pattern in _DATA
    }
    assert all(data.values()), data
    assert names == code.union(*data.values())
    assert any(name.startswith("models/migrations/0001") for name in names)


def test_the_installed_command_tells_its_version(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [installed / "tessera", "--version"],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert re.fullmatch(r"tessera \d+\.\d+\.\d+\n", done.stdout), done.stderr


def test_the_installed_command_serves_the_demo_from_any_folder(
    installed: Path, tmp_path: Path
) -> None:
    port = free_port()
    command = [str(installed / "tessera"), "serve", "--demo", "--port", str(port)]
    server = Child(command, log=tmp_path / "log", environment=_environment(), folder=tmp_path)
    with server:
        _wait_until_ready(server, port)
        assert (tmp_path / "tessera.db").is_file()
        password = re.search(r"^Password +(\S+)", server.log(), re.MULTILINE)
        sample = re.search(r"curl -s (\S+/api/\S+) -H", server.log())
        assert password
        assert sample
        url = f"http://{LOOPBACK}:{port}"
        body = {"tenant": "demo", "email": "owner@demo.example", "password": password[1]}
        _, _, cookie = _ask(f"{url}/session", body)
        _, page, _ = _ask(f"{url}/", cookie=cookie)
        (script, *_) = re.findall(r'src="(/assets/hashed/[^"]+\.js)"', page)
        assert _ask(url + script)[0] == 200
        held = {"key": f"GET {urlsplit(sample[1]).path}"}
        created = _ask(f"{url}/graphql", {"query": _CREATE, "variables": held}, cookie)[1]
        secret = json.loads(created)["data"]["createToken"]["secret"]
        assert _ask(sample[1], secret=secret)[0] == 200
        assert _ask(sample[1], secret=f"{secret}x")[0] == 401


def test_the_containers_command_serves_and_its_health_check_tells_so(
    installed: Path, tmp_path: Path
) -> None:
    """As the image has them, with the folders of this test in place of the image's."""
    port = free_port()
    environment = _environment() | image_environment()
    url = environment["TESSERA_DATABASE_URL"].replace("/var/lib/tessera", str(tmp_path))
    environment |= {"TESSERA_DATABASE_URL": url, "PATH": f"{installed}:/usr/bin:/bin"}
    program, *arguments = image_command()
    command = [str(installed / program), *arguments, "--port", str(port)]
    interpreter, *check = healthcheck()
    assert interpreter == "/opt/tessera/bin/python"
    check = [part.replace("8000", str(port)) for part in check]

    def is_healthy() -> bool:
        done = subprocess.run([installed / "python", *check], capture_output=True, timeout=60)
        assert done.returncode in {0, 1}, done.stderr
        return done.returncode == 0

    assert not is_healthy()
    server = Child(command, log=tmp_path / "log", environment=environment, folder=tmp_path)
    with server:
        _wait_until_ready(server, port)
        assert is_healthy()
        assert (tmp_path / "tessera.db").is_file()
        assert server.stop() == 0
    assert not is_healthy()


def _wait_until_ready(server: Child, port: int) -> None:
    deadline = time.monotonic() + 60
    while answer_of(port, "/readyz") != 200:
        assert server.running, server.log()
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.05)


def _ask(
    url: str, body: dict[str, Any] | None = None, cookie: str = "", secret: str = ""
) -> tuple[int, str, str]:
    """Status, body and cookie of an answer."""
    headers = {"Content-Type": "application/json", "Origin": "/".join(url.split("/")[:3])}
    headers |= {"Cookie": cookie} if cookie else {}
    headers |= {"Authorization": f"Bearer {secret}"} if secret else {}
    data = json.dumps(body).encode() if body else None
    try:
        with urlopen(Request(url, data, headers)) as answer:
            cookie = str(answer.headers["Set-Cookie"] or "").partition(";")[0]
            return int(answer.status), answer.read().decode(), cookie
    except HTTPError as error:
        with error:
            return error.code, error.read().decode(), ""
