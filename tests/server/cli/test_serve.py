"""`tessera serve`: its announcement, the demo, signals, and refused ports and settings.

Unusable databases are in `server/database/test_outages`, migrations in `models/test_migrations`.
"""

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import SENTENCE, create_tenant, misused, run, tessera_here
from tests.support.curl import path_with_curl
from tests.support.process import LOOPBACK, ServerProcess, answer_of, answers_at, tessera


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
    assert demo.log().count("with a token. The answer is") == 2
    assert len(re.findall(r"^E-mail +owner@demo\.example$", demo.log(), re.MULTILINE)) == 2
    again = re.search(r"^Forgotten\? +(?:\S*tessera|\S+ -m server) (.*)$", demo.log(), re.MULTILINE)
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
        ("TESSERA_RECIPES", "/nowhere"),
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
    command = "serve" if variable in {"TESSERA_API_SPEC", "TESSERA_RECIPES"} else "migrate"
    done = tessera_here(command, database_url=url, settings={variable: value})
    assert (done.returncode, done.stdout) == (1, "")
    assert SENTENCE.fullmatch(done.stderr), done.stderr
    assert variable in done.stderr
