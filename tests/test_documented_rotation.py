"""docs/rotation.md: its programs rotate a real token, while callers never see a refusal.

A stand-in takes the place of AWS Secrets Manager, and another that of the `vault` command: both
keep values by version or path, and nothing else of them is imitated.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support.curl import path_with_curl
from tests.support.process import ROOT, ServerProcess

_PAGE = (ROOT / "docs/rotation.md").read_text()
_CREATE = """
mutation ($input: CreateTokenInput!) {
  createToken(input: $input) { ... on CreateTokenPayload { secret } }
}"""
_STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]
_KEY = "GET /api/v1/devices"


@dataclass(frozen=True)
class _Demo:
    """A served demo tenant with its API, and a session of its owner."""

    url: str
    api_call: str
    session: str

    @classmethod
    def of(cls, server: ServerProcess) -> "_Demo":
        log = server.log()
        password = re.search(r"^Password +(\S+)", log, re.MULTILINE)
        api = re.search(r"curl -s (http://[^/]+)/api/", log)
        assert password
        assert api
        body = {
            "tenant": "demo",
            "email": "owner@demo.example",
            "password": password[1],
            "transport": "bearer",
        }
        session = json.loads(_sent(f"{server.url}/session", body))["session"]
        return cls(server.url, f"{api[1]}{_KEY.removeprefix('GET ')}", session)

    def token(self) -> str:
        """The secret of a new token, whose holder may rotate it."""
        given = {"name": "Rotates itself", "holderMayRotate": True, "permissions": [_KEY]}
        body = {"query": _CREATE, "variables": {"input": given}}
        answer = json.loads(_sent(f"{self.url}/graphql", body, self.session))
        return str(answer["data"]["createToken"]["secret"])

    def reason(self, secret: str) -> str | None:
        """Why the API refuses the secret; None where it is let in."""
        headers = {"Authorization": f"Bearer {secret}"}
        try:
            with urlopen(Request(self.api_call, headers=headers)):
                return None
        except HTTPError as error:
            return str(json.load(error)["code"])

    def rotation(self, secret: str) -> str | None:
        """The state of the rotation under way."""
        headers = {"Authorization": f"Bearer {secret}"}
        with urlopen(Request(f"{self.url}/token", headers=headers)) as answer:
            shown = json.load(answer)["rotation"]
        return shown and str(shown["state"])


def _sent(url: str, body: dict[str, Any], session: str | None = None) -> bytes:
    headers = {"Content-Type": "application/json"}
    if session:
        headers["Authorization"] = f"Bearer {session}"
    with urlopen(Request(url, json.dumps(body).encode(), headers)) as answer:
        return bytes(answer.read())


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Demo]:
    folder = tmp_path_factory.mktemp("demo")
    database_url = f"sqlite://{folder / 'tessera.db'}"
    with ServerProcess(folder, database_url=database_url, arguments=["--demo"]) as server:
        yield _Demo.of(server)


class _ResourceNotFoundException(Exception):
    pass


@dataclass
class _Manager:
    """Stands in for the client of Secrets Manager: one secret, by versions and their stages."""

    values: dict[str, str]
    stages: dict[str, list[str]]
    exceptions: Any = field(
        default_factory=lambda: SimpleNamespace(
            ResourceNotFoundException=_ResourceNotFoundException
        )
    )
    # Called before a value is kept: a failure of the network in that moment.
    before_put: Callable[[], None] = lambda: None

    def begin(self, version: str) -> None:
        """A rotation begins: this version alone is pending, and has no value yet."""
        for names in self.stages.values():
            names[:] = [name for name in names if name != "AWSPENDING"]
        self.stages[version] = ["AWSPENDING"]

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
        return {"VersionIdsToStages": {one: [*names] for one, names in self.stages.items()}}

    def get_secret_value(
        self,
        *,
        SecretId: str,  # noqa: N803
        VersionId: str | None = None,  # noqa: N803
        VersionStage: str = "AWSCURRENT",  # noqa: N803
    ) -> dict[str, str]:
        staged = [one for one, names in self.stages.items() if VersionStage in names]
        version = VersionId or staged[0]
        if version not in staged or version not in self.values:
            raise _ResourceNotFoundException
        return {"SecretString": self.values[version]}

    def put_secret_value(
        self,
        *,
        SecretId: str,  # noqa: N803
        ClientRequestToken: str,  # noqa: N803
        SecretString: str,  # noqa: N803
        VersionStages: list[str],  # noqa: N803
    ) -> None:
        self.before_put()
        assert ClientRequestToken not in self.values, "a version's value never changes"
        self.values[ClientRequestToken] = SecretString
        self.stages[ClientRequestToken] = VersionStages

    def update_secret_version_stage(
        self,
        *,
        SecretId: str,  # noqa: N803
        VersionStage: str,  # noqa: N803
        MoveToVersionId: str,  # noqa: N803
        RemoveFromVersionId: str,  # noqa: N803
    ) -> None:
        self.stages[RemoveFromVersionId].remove(VersionStage)
        self.stages[MoveToVersionId].append(VersionStage)

    @property
    def current(self) -> str:
        return self.get_secret_value(SecretId="s")["SecretString"]


@dataclass
class _Lambda:
    """The documented function, loaded anew."""

    manager: _Manager
    names: dict[str, Any]

    def step(self, step: str, version: str) -> None:
        event = {"SecretId": "arn:s", "ClientRequestToken": version, "Step": step}
        self.names["handler"](event, None)


@pytest.fixture
def function(demo: _Demo, monkeypatch: pytest.MonkeyPatch) -> _Lambda:
    manager = _Manager({"v1": demo.token()}, {"v1": ["AWSCURRENT"]})
    boto3 = ModuleType("boto3")
    monkeypatch.setattr(boto3, "client", {"secretsmanager": manager}.__getitem__, raising=False)
    monkeypatch.setitem(sys.modules, "boto3", boto3)
    monkeypatch.setenv("TESSERA", demo.url)
    monkeypatch.setenv("API_CALL", demo.api_call)
    monkeypatch.setenv("DRAIN_SECONDS", "3600")
    (code,) = re.findall(r"^```python\n(.*?)^```", _PAGE, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {"__name__": "rotation"}
    exec(compile(code, "docs/rotation.md", "exec"), names)
    return _Lambda(manager, names)


def test_aws_function_rotates_in_four_steps_without_a_refusal(
    demo: _Demo, function: _Lambda
) -> None:
    manager, first = function.manager, function.manager.current
    manager.begin("v2")
    states = {"createSecret": "PENDING", "setSecret": "PENDING", "testSecret": "DRAINING"}
    for step in _STEPS:
        assert demo.reason(manager.current) is None
        function.step(step, "v2")
        assert demo.rotation(manager.current) == states.get(step, "DRAINING")
        assert demo.reason(manager.current) is None
    assert manager.current != first
    assert demo.reason(first) is None, "callers that read it before have the drain time"
    assert demo.rotation(manager.current) == "DRAINING"
    for step in _STEPS:
        function.step(step, "v2")  # a repetition after the end changes nothing
    assert manager.stages == {"v1": [], "v2": ["AWSPENDING", "AWSCURRENT"]}


def test_each_step_of_the_aws_function_can_be_repeated(demo: _Demo, function: _Lambda) -> None:
    manager = function.manager
    manager.begin("v2")
    for step in _STEPS:
        function.step(step, "v2")
        function.step(step, "v2")
        assert demo.reason(manager.current) is None
    assert manager.current == manager.values["v2"]


def test_aws_function_survives_a_lost_answer(demo: _Demo, function: _Lambda) -> None:
    """Tessera has rotated, and the answer never arrives; the repetition gets another secret."""
    manager, lost = function.manager, []
    first, really = manager.current, function.names["urlopen"]

    def losing(request: Request, timeout: float) -> Any:
        with really(request, timeout=timeout) as answer:
            lost.append(json.load(answer)["secret"])
        raise TimeoutError

    manager.begin("v2")
    function.names["urlopen"] = losing
    with pytest.raises(TimeoutError):
        function.step("createSecret", "v2")
    assert demo.rotation(first) == "PENDING"
    assert demo.reason(first) is None
    function.names["urlopen"] = really
    for step in _STEPS:
        function.step(step, "v2")
        assert demo.reason(manager.current) is None
    assert demo.reason(lost[0]) == "SECRET_RETIRED"
    assert manager.current not in (first, lost[0])


def test_aws_function_survives_a_secret_that_was_not_kept(demo: _Demo, function: _Lambda) -> None:
    """It dies between the rotation and the writing of the new secret."""
    manager = function.manager

    def fail() -> None:
        raise ConnectionError

    manager.begin("v2")
    manager.before_put = fail
    with pytest.raises(ConnectionError):
        function.step("createSecret", "v2")
    assert demo.reason(manager.current) is None
    manager.before_put = lambda: None
    for step in _STEPS:
        function.step(step, "v2")
        assert demo.reason(manager.current) is None


def test_aws_function_fails_while_the_rotation_before_drains(
    demo: _Demo, function: _Lambda
) -> None:
    manager = function.manager
    manager.begin("v2")
    for step in _STEPS:
        function.step(step, "v2")
    manager.begin("v3")
    with pytest.raises(HTTPError, match="409"):
        function.step("createSecret", "v3")
    assert demo.reason(manager.current) is None


def _script(name: str) -> str:
    """A script of the page: the one in which `name` is."""
    blocks = re.findall(r"^```sh\n(.*?)^```", _PAGE, re.DOTALL | re.MULTILINE)
    (found,) = [block for block in blocks if name in block]
    return str(found)


@dataclass(frozen=True)
class _Cron:
    """Runs the documented script in a folder."""

    demo: _Demo
    folder: Path

    def run(self, name: str, tessera: str = "") -> subprocess.CompletedProcess[str]:
        path = f"{self.folder}:{path_with_curl(self.folder)}"
        return subprocess.run(
            ["sh", "rotate.sh", name],
            cwd=self.folder,
            env={"PATH": path, "TESSERA": tessera or self.demo.url},
            capture_output=True,
            text=True,
            timeout=60,
        )

    @property
    def secret(self) -> str:
        return (self.folder / "secret").read_text().strip()


@pytest.fixture
def cron(demo: _Demo, tmp_path: Path) -> _Cron:
    (tmp_path / "rotate.sh").write_text(_script("#!/bin/sh"))
    (tmp_path / "secret").write_text(f"{demo.token()}\n")
    return _Cron(demo, tmp_path)


def test_script_rotates_the_secret_in_a_file(demo: _Demo, cron: _Cron) -> None:
    first = cron.secret
    done = cron.run("2026-12")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    second = cron.secret
    assert second != first
    assert (cron.folder / "secret").stat().st_mode & 0o077 == 0
    assert [demo.reason(one) for one in (first, second)] == [None, None]
    assert demo.rotation(second) == "DRAINING"


def test_script_run_again_after_a_failure_keeps_a_live_secret(demo: _Demo, cron: _Cron) -> None:
    first = cron.secret
    assert cron.run("2026-12").returncode == 0
    lost = cron.secret
    # It had died before it kept the new secret.
    (cron.folder / "secret").write_text(f"{first}\n")
    assert cron.run("2026-12").returncode == 0
    assert demo.reason(lost) == "SECRET_RETIRED"
    assert [demo.reason(one) for one in (first, cron.secret)] == [None, None]


def test_script_keeps_the_secret_where_rotating_fails(demo: _Demo, cron: _Cron) -> None:
    first = cron.secret
    assert cron.run("2026-12", tessera="http://127.0.0.1:9").returncode != 0
    assert cron.secret == first
    assert cron.run("2026-12").returncode == 0
    second = cron.secret
    assert demo.reason(second) is None
    for name in ("2026-12", "2027-01"):  # its answer was not lost; the one before drains
        refused = cron.run(name)
        assert refused.returncode != 0
        assert first not in refused.stderr
        assert second not in refused.stdout + refused.stderr
    assert cron.secret == second


def test_script_rotates_the_secret_in_a_vault(demo: _Demo, cron: _Cron) -> None:
    vault = cron.folder / "vault"
    vault.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        '"kv get -mount=secret -field=token inventory-sync") cat secret;;\n'
        '"kv put -mount=secret inventory-sync token=-") cat > secret.put; mv secret.put secret;;\n'
        "*) exit 2;;\n"
        "esac\n"
    )
    vault.chmod(0o700)
    lines = (cron.folder / "rotate.sh").read_text().splitlines(keepends=True)
    functions = ("load()", "store()")
    kept = [line for line in lines if not line.startswith(functions)]
    assert len(lines) - len(kept) == 2
    at = kept.index("umask 077\n") + 1
    script = [*kept[:at], _script("vault kv get"), *kept[at:]]
    (cron.folder / "rotate.sh").write_text("".join(script))
    first = cron.secret
    done = cron.run("2026-12")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert cron.secret != first
    assert [demo.reason(one) for one in (first, cron.secret)] == [None, None]


def test_secret_is_in_no_argument_of_a_program(demo: _Demo, cron: _Cron) -> None:
    """Other users of the machine can read those."""
    real = path_with_curl(cron.folder)
    spy = cron.folder / "spy"
    spy.mkdir()
    for program in ("curl", "sed", "cat", "mv"):
        told = f'echo "{program} $*" >> "{cron.folder}/arguments"'
        (spy / program).write_text(f'#!/bin/sh\n{told}\nPATH={real} exec {program} "$@"\n')
        (spy / program).chmod(0o700)
    first = cron.secret
    environment = {"PATH": f"{spy}:{os.environ['PATH']}", "TESSERA": demo.url}
    subprocess.run(["sh", "rotate.sh", "x"], cwd=cron.folder, env=environment, check=True)
    arguments = (cron.folder / "arguments").read_text()
    assert {line.split()[0] for line in arguments.splitlines()} == {"curl", "sed", "cat", "mv"}
    assert first not in arguments
    assert cron.secret not in arguments
