"""The `tessera` command: its output, and its sentences about mistakes.

Unusable databases are in `server/test_database`, migrations in `models/test_migrations`.
"""

import json
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import click
import pytest

from server.cli import commands
from tests.support.command import tessera_here
from tests.support.curl import path_with_curl
from tests.support.process import (
    LOOPBACK,
    ROOT,
    TESSERA,
    ServerProcess,
    answer_of,
    answers_at,
    tessera,
    tessera_environment,
)

PASSWORD = "seven purple otters dance"
OWNER = ["--name", "Acme", "--owner-email", "ada@acme.example", "--owner-name", "Ada"]
SENTENCE = re.compile(r"tessera: [A-Z`/][^\n]+\.\n")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite://{tmp_path}/tessera.db"


@pytest.fixture(scope="module")
def served_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The database of `server`, which commands change while it is served."""
    return f"sqlite://{tmp_path_factory.mktemp('served')}/tessera.db"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, served_url: str) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("server")
    with ServerProcess(folder, database_url=served_url) as running:
        yield running


def run(
    url: str, *arguments: str, stdin: str = "", settings: Mapping[str, str] | None = None
) -> str:
    """The output of a command that must succeed."""
    done = tessera_here(*arguments, database_url=url, stdin=stdin, settings=settings)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def refused(url: str, *arguments: str, stdin: str = "") -> str:
    """The sentence of a command that must fail."""
    done = tessera_here(*arguments, database_url=url, stdin=stdin)
    assert done.returncode == 1, done.stdout
    assert SENTENCE.fullmatch(done.stderr), done.stderr
    return done.stderr


def misused(*arguments: str) -> str:
    """The usage error of a command with wrong arguments."""
    done = tessera_here(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: tessera")
    return done.stderr


def create_tenant(url: str, slug: str = "acme", *more: str, password: str = PASSWORD) -> str:
    return run(
        url, "tenant", "create", slug, *OWNER, *more, "--password-stdin", stdin=f"{password}\n"
    )


def sign_in(server: ServerProcess, slug: str = "acme", password: str = PASSWORD) -> dict[str, str]:
    body = {
        "tenant": slug,
        "email": "ada@acme.example",
        "password": password,
        "transport": "bearer",
    }
    request = Request(
        f"{server.url}/session", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urlopen(request) as answer:
        content: dict[str, str] = json.load(answer)
        return content


# Serving


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with a demo, started once."""
    folder = tmp_path_factory.mktemp("demo")
    url = f"sqlite://{folder}/tessera.db"
    with ServerProcess(folder, database_url=url, arguments=["--demo"]) as server:
        yield server


def pasted(server: ServerProcess, folder: Path, **variables: str) -> list[str]:
    """The answers of the printed commands, pasted into a shell."""
    commands = re.findall(r"^  (curl (?:.*\\\n)*.*)$", server.log(), re.MULTILINE)
    environment = {"PATH": path_with_curl(folder), "SECRET": "tsr_x"} | variables
    return [
        subprocess.run(
            ["sh", "-c", command], env=environment, capture_output=True, text=True, timeout=30
        ).stdout
        for command in commands
    ]


def test_demo_prints_address_account_and_commands(demo: ServerProcess, tmp_path: Path) -> None:
    said = demo.log()
    assert re.search(rf"^Tessera +{demo.url}$", said, re.MULTILINE)
    assert re.search(rf"^GraphiQL +{demo.url}/graphiql$", said, re.MULTILINE)
    assert re.search(r"^E-mail +owner@demo\.example$", said, re.MULTILINE)
    password = re.search(r"^Password +(\S+)", said, re.MULTILINE)
    assert password
    assert len(password[1]) >= 20
    answers = pasted(demo, tmp_path)
    assert len(answers) == 2
    assert json.loads(answers[0]).keys() == {"session", "expiresAt"}
    assert json.loads(answers[1])["code"] == "INVALID_TOKEN"


def demo_port(demo: ServerProcess) -> int:
    found = re.search(rf"curl -s http://{LOOPBACK}:(\d+)/api/", demo.log())
    assert found
    return int(found[1])


def test_demo_api_has_its_own_listener(demo: ServerProcess) -> None:
    port = demo_port(demo)
    assert port != demo.port
    # It treats every path as the tenants' API and has none of the service's routes.
    assert [answer_of(port, path) for path in ("/healthz", "/authorize", "/")] == [401, 401, 401]
    assert [answer_of(demo.port, path) for path in ("/healthz", "/api/v1/devices")] == [200, 404]


def test_demo_password_is_printed_once_and_data_stay(url: str, tmp_path: Path) -> None:
    demo = ServerProcess(tmp_path, database_url=url, arguments=["--demo"]).start()
    assert demo.log().count("Password") == 1
    assert demo.stop() == 0
    assert "Traceback" not in demo.log()
    assert not answers_at(demo_port(demo))
    demo.start()
    assert demo.log().count("Password") == 1
    assert demo.log().count("Tessera     ") == 2
    # The second start serves the same tenant and prints again how to sign in.
    assert demo.log().count("A token opens a door") == 2
    assert len(re.findall(r"^E-mail +owner@demo\.example$", demo.log(), re.MULTILINE)) == 2
    again = re.search(r"^Forgotten\? +tessera (.*)$", demo.log(), re.MULTILINE)
    assert again
    assert "Invitation" in run(url, *again[1].split())
    password = re.search(r"^Password +(\S+)", demo.log(), re.MULTILINE)
    assert password
    answers = pasted(demo, tmp_path, PASSWORD=password[1])
    assert [json.loads(answer).keys() for answer in answers[::2]] == [{"session", "expiresAt"}] * 2
    assert demo.stop() == 0


def test_serve_without_demo_creates_nothing(tmp_path: Path, url: str) -> None:
    with ServerProcess(tmp_path, database_url=url) as server:
        assert "Password" not in server.log()
        assert "demo" not in server.log()
    create_tenant(url)
    with ServerProcess(tmp_path, database_url=url, arguments=["--demo"]) as server:
        assert "Password" not in server.log()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_the_server_gracefully(tmp_path: Path, url: str, sign: signal.Signals) -> None:
    server = ServerProcess(tmp_path, database_url=url).start()
    assert server.stop(sign) == 0
    assert "Traceback" not in server.log()


def test_port_in_use_is_reported(url: str) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = str(taken.getsockname()[1])
        done = tessera("serve", "--port", port, database_url=url)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"tessera: Cannot listen on 127.0.0.1:{port}:")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["-1", "65536", "x", "99999999999999999999"])
def test_port_outside_the_range_is_a_usage_error(port: str) -> None:
    assert "a port is a whole number from 0 to 65535" in misused("serve", f"--port={port}")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TESSERA_DATABASE_URL", "mysql://x"),
        ("TESSERA_DATABASE_POOL_SIZE", "0"),
        ("TESSERA_API_SPEC", "/nowhere.yaml"),
        ("TESSERA_API_URL", "https://example.com"),
        ("TESSERA_TOKEN_BRAND", "T"),
        ("TESSERA_DIGEST_KEY", "secret"),
        ("TESSERA_CORS_ORIGINS", "*"),
        ("TESSERA_TRUSTED_PROXIES", "everybody"),
        ("TESSERA_GATEWAY", "apache"),
        ("TESSERA_GATEWAY_PEERS", "10.0.0.0/99"),
        ("TESSERA_RATE_LIMIT_URL", "memcached://x"),
        ("TESSERA_INTROSPECTION", "perhaps"),
        ("TESSERA_LOG_LEVEL", "LOUD"),
    ],
)
def test_invalid_setting_is_reported_in_one_sentence(variable: str, value: str, url: str) -> None:
    command = "migrate" if variable != "TESSERA_API_SPEC" else "serve"
    done = tessera_here(command, database_url=url, settings={variable: value})
    assert (done.returncode, done.stdout) == (1, "")
    assert SENTENCE.fullmatch(done.stderr), done.stderr
    assert variable in done.stderr


# Tenants


def test_created_tenant_has_an_owner_who_can_sign_in(
    server: ServerProcess, served_url: str
) -> None:
    said = create_tenant(served_url, "signs-in", "--region", "eu")
    assert said == "Created tenant signs-in.\n"
    assert sign_in(server, "signs-in").keys() == {"session", "expiresAt"}


def test_password_is_prompted_for_at_a_terminal(url: str) -> None:
    """It is no argument: other users of the machine can read those."""
    assert "--password-stdin" in run(url, "tenant", "create", "--help")
    done = subprocess.run(
        [*TESSERA, "tenant", "create", "acme", *OWNER],
        input=f"{PASSWORD}\n",
        env=tessera_environment(url),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,  # without a terminal, the prompt goes to standard error
    )
    assert done.returncode == 0, done.stderr
    assert "password" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("slug", "owner", "password", "says"),
    [
        ("Acme Inc", OWNER, PASSWORD, "slug"),
        ("acme", ["--name", "A", "--owner-email", "ada", "--owner-name", "A"], PASSWORD, "mail"),
        ("acme", ["--name", " ", *OWNER[2:]], PASSWORD, "name"),
        ("acme", [*OWNER, "--region", "over there"], PASSWORD, ""),
        ("acme", OWNER, "short", "15 characters"),
        ("acme", OWNER, "passwordpassword", "guessed"),
        ("acme", OWNER, "", "15 characters"),
    ],
)  # fmt: skip
def test_invalid_tenant_is_reported(
    url: str, slug: str, owner: list[str], password: str, says: str
) -> None:
    told = refused(url, "tenant", "create", slug, *owner, "--password-stdin", stdin=f"{password}\n")
    assert says in told
    assert not password or password not in told


def test_slug_is_unique(url: str) -> None:
    create_tenant(url)
    arguments = ["tenant", "create", "acme", *OWNER, "--password-stdin"]
    assert "exists already" in refused(url, *arguments, stdin=f"{PASSWORD}\n")


def test_tenants_limit_is_set_and_removed(url: str) -> None:
    create_tenant(url)
    said = run(url, "tenant", "limit", "acme", "500")
    assert said == "Tenant acme may make 500 requests an hour.\n"
    said = run(url, "tenant", "limit", "acme", "default")
    assert said == "Tenant acme may make 10000 requests an hour.\n"
    assert refused(url, "tenant", "limit", "nobody", "5")
    assert refused(url, "tenant", "limit", "acme", "0")
    for number in ("-1", "1.5", "many", "٣", "1" * 30):
        assert misused("tenant", "limit", "acme", number)


def test_tenants_are_listed_with_their_counts(url: str) -> None:
    heading = r"SLUG +NAME +REGION +ADMINS +TOKENS +CREATED\n"
    assert re.fullmatch(heading, run(url, "tenant", "list"))
    create_tenant(url, "acme", "--region", "eu")
    create_tenant(url, "b")
    listed = run(url, "tenant", "list")
    rows = r"acme +Acme +eu +1 +0 +\d{4}-\d\d-\d\d\nb +Acme +us +1 +0 +\d{4}-\d\d-\d\d\n"
    assert re.fullmatch(heading + rows, listed)
    assert len({line.index("  0  ") for line in listed.splitlines()[1:]}) == 1


# Admins


def invite(url: str, email: str = "ada@acme.example") -> str:
    said = run(url, "admin", "invite", "acme", email)
    invitation = re.search(r"^Invitation +(\S+) +\(shown this once\)$", said, re.MULTILINE)
    assert invitation
    assert re.search(r"^Expires + \d{4}-\d\d-\d\d \d\d:\d\d UTC", said, re.MULTILINE)
    return invitation[1]


def accept(server: ServerProcess, invitation: str, password: str) -> int:
    body = {"invitation": invitation, "password": password}
    request = Request(
        f"{server.url}/invitation", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urlopen(request) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_admin_with_a_forgotten_password_is_invited_again(
    server: ServerProcess, served_url: str
) -> None:
    create_tenant(served_url)
    new = "nine copper lanterns flicker"
    first, second = invite(served_url, "Ada@ACME.example"), invite(served_url)
    assert sign_in(server), "nothing has changed so far"
    assert [accept(server, one, new) for one in (first, second, second)] == [422, 204, 422]
    assert sign_in(server, password=new)
    with pytest.raises(HTTPError):
        sign_in(server)
    assert second not in server.log()


def test_only_an_admin_can_be_invited_again(url: str) -> None:
    create_tenant(url)
    for slug, email in (("acme", "bob@acme.example"), ("nobody", "ada@acme.example"), ("a", "b")):
        assert refused(url, "admin", "invite", slug, email)


# Gateways


def test_secret_of_an_introspection_client_is_shown_once(
    server: ServerProcess, served_url: str
) -> None:
    shown = run(served_url, "gateway", "create", "orders")
    secret = re.search(r"^Secret +(\S+)", shown, re.MULTILINE)
    assert secret
    listed = run(served_url, "gateway", "list")
    assert re.match(r"orders +created \d{4}-\d\d-\d\d +live\n", listed)
    assert secret[1] not in listed
    form = Request(
        f"{server.url}/introspect",
        b"token=x",
        {
            "Authorization": f"Bearer {secret[1]}",
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    with urlopen(form) as answer:
        assert json.load(answer) == {"active": False}
    assert "exists already" in refused(served_url, "gateway", "create", "orders")
    assert run(served_url, "gateway", "revoke", "orders") == "Revoked gateway orders.\n"
    assert "revoked" in run(served_url, "gateway", "list")
    assert refused(served_url, "gateway", "revoke", "orders")
    assert refused(served_url, "gateway", "create", "No Name")


# The key of digests


def test_digest_keys_are_listed_by_fingerprint(url: str) -> None:
    key = "3c" * 32
    create_tenant(url)
    kept = run(url, "digest-key", "status")
    assert re.fullmatch(r"0   [0-9a-f]{8}  current: [^\n]+, kept in the database\n", kept)
    assert "needed" not in kept
    said = run(url, "digest-key", "set", settings={"TESSERA_DIGEST_KEY": key})
    assert "restart each instance" in said
    announced = run(url, "digest-key", "status")
    assert re.search(r"^1   [0-9a-f]{8}  announced: ", announced, re.MULTILINE)
    assert key not in said + announced
    for command in ("set", "rotate", "finish"):
        assert "TESSERA_DIGEST_KEY" in refused(url, "digest-key", command)


# Catalogues and the schema


def test_valid_document_is_listed_as_permissions(url: str, tmp_path: Path) -> None:
    (tmp_path / "api.json").write_text(
        json.dumps(
            {
                "openapi": "3.1.0",
                "info": {"title": "T", "version": "1"},
                "servers": [{"url": "https://x.example/v2"}],
                "paths": {"/pets": {"get": {"summary": "List pets", "tags": ["Pets"]}}},
            }
        )
    )
    grid = run(url, "catalogue", "check", str(tmp_path / "api.json"))
    assert grid.startswith("Pets\n  GET     /pets  List pets\n\n1 permissions in 1 categories\n")
    assert "served under /v2\n" in grid


def test_document_faults_are_listed(url: str, tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(
        "openapi: 3.0.0\npaths: {/a/../b: {get: {}}, c: {}, /d: {get: {}}}"
    )
    done = tessera_here("catalogue", "check", str(tmp_path / "api.yaml"), database_url=url)
    assert (done.returncode, done.stderr) == (1, "")
    assert "GET     /d" in done.stdout
    assert "refused: /paths/~1a~1..~1b: A path must not have dot segments.\n" in done.stdout
    assert "refused: /paths/c: A path must start with a slash.\n" in done.stdout


def test_file_that_is_no_document_is_reported(url: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    for file in (tmp_path / "x", tmp_path / "missing", tmp_path):
        assert refused(url, "catalogue", "check", str(file))


def test_schema_command_prints_the_shipped_schema(url: str) -> None:
    assert run(url, "schema") == (ROOT / "schema.graphql").read_text()


@pytest.mark.parametrize(
    "command",
    [
        "tenant create \udcff --name A --owner-email a@b.co --owner-name A --password-stdin",
        "tenant create acme --name \udcff --owner-email a@b.co --owner-name A --password-stdin",
        "tenant create acme --name A --owner-email \udcff@b.co --owner-name A --password-stdin",
        "tenant create acme --name A --owner-email a@b.co --owner-name A --password-stdin",
        "tenant limit \udcff 5", "admin invite \udcff a@b.example", "admin invite acme \udcff",
        "gateway create \udcff", "gateway revoke \udcff", "catalogue check \udcff",
    ],
)  # fmt: skip
def test_argument_that_is_no_text_is_reported_in_one_sentence(command: str, url: str) -> None:
    password = "\udcff seven purple otters dance\n"
    done = tessera_here(*command.split(), database_url=url, stdin=password)
    assert done.returncode == 1
    assert SENTENCE.fullmatch(done.stderr)


def test_closed_output_pipe_is_no_error(url: str, tmp_path: Path) -> None:
    paths: dict[str, Any] = {f"/v1/things{number}": {"get": {}} for number in range(5000)}
    (tmp_path / "api.json").write_text(json.dumps({"openapi": "3.1.0", "paths": paths}))
    piped = f"{shlex.join([*TESSERA, 'catalogue', 'check', str(tmp_path / 'api.json')])} | head -1"
    done = subprocess.run(
        ["sh", "-c", piped],
        env=tessera_environment(url),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("things0\n", "")


def every_command(
    group: click.Group = commands, before: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Each command with its words, groups of commands too."""
    for name, command in group.commands.items():
        yield (*before, name), command
        if isinstance(command, click.Group):
            yield from every_command(command, (*before, name))


@pytest.mark.parametrize("words", [(), *(words for words, _ in every_command())], ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...]) -> None:
    done = tessera_here(*words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    usage, summary, _ = done.stdout.split("\n\n", 2)
    assert usage.startswith(f"Usage: {' '.join(('tessera', *words))} ")
    assert summary.endswith(".")
    assert "..." not in done.stdout.partition("Commands:")[2], "a summary is cut off"


def test_group_without_a_command_is_a_usage_error() -> None:
    groups = [words for words, command in every_command() if isinstance(command, click.Group)]
    assert len(groups) == 5
    for words in [(), *groups]:
        assert "Commands:" in misused(*words)
    assert "No such command 'nothing'" in misused("nothing")
    assert "Missing argument 'SLUG'" in misused("admin", "invite")


def test_every_command_is_documented() -> None:
    table = (ROOT / "docs/operating.md").read_text()
    table = table.partition("## Commands\n")[2].partition("\n## ")[0]
    documented = set()
    for row in re.findall(r"^\| (`tessera .*?) \|", table, re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", row)
        words = [word for word in first.split()[1:] if re.fullmatch(r"[a-z][a-z-]*", word)]
        documented |= {" ".join(words)}
        documented |= {" ".join([*words[:-1], other.split()[0]]) for other in others}
    alone = {
        " ".join(words)
        for words, command in every_command()
        if not isinstance(command, click.Group)
    }
    assert documented - {""} == alone


def test_version_is_that_of_the_distribution() -> None:
    done = tessera_here("--version")
    assert (done.returncode, done.stdout) == (0, f"tessera {version('tessera')}\n")


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("tessera ten", "tenant"),
        ("tessera tenant li", "limit list"),
        ("tessera serve --d", "--demo"),
    ],
)
def test_shell_completes_commands_and_options(typed: str, completed: str) -> None:
    asked = {
        "_TESSERA_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    done = tessera_here(settings=asked)
    assert done.stdout.split() == [f"plain,{word}" for word in completed.split()]
