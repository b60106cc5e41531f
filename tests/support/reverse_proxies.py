"""nginx and Traefik in front of the console, below a path of a host that has other applications.

They run the configurations of `docs/operating.md`, with other addresses and certificates.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from ssl import CERT_NONE, PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any

import yaml

from tests.support.certificates import make_certificate
from tests.support.process import LOOPBACK, ROOT, Child, ServerProcess, free_port
from tests.support.proxies import nginx, program_of, traefik, wait_until_open

HOST, PATH = "intranet.example.com", "/tessera"
_CERTIFICATE = "/etc/ssl/intranet.pem"
_READY_SECONDS = 30


@dataclass(frozen=True)
class Front:
    """A reverse proxy, and the server behind it."""

    server: ServerProcess
    port: int
    path: str

    @property
    def origin(self) -> str:
        return f"https://{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """The server's public URL."""
        return self.origin + self.path

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, Any, str]:
        """Status, headers and body of an answer of the proxy."""
        context = SSLContext(PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, CERT_NONE
        connection = HTTPSConnection(LOOPBACK, self.port, timeout=30, context=context)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            host = {"Host": f"{HOST}:{self.port}"}
            connection.request(method, path, body.encode(), host | sent)
            answer: HTTPResponse = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()


@contextmanager
def front(
    kind: str, folder: Path, database_url: str, *, cuts: bool, path: str = PATH
) -> Iterator[Front]:
    """A proxy of `kind` and a server; cuts: whether the proxy cuts the path off."""
    program, port = program_of(kind), free_port()
    settings = {
        "TESSERA_PUBLIC_URL": f"https://{HOST}:{port}{path}/",
        "TESSERA_TRUSTED_PROXIES": LOOPBACK,
    }
    certificate = str(make_certificate(folder, HOST))
    with ServerProcess(folder, database_url=database_url, settings=settings) as server:
        text = _documented(kind).replace(_CERTIFICATE, certificate)
        text = text.replace(f"{LOOPBACK}:8000", f"{LOOPBACK}:{server.port}")
        if kind == "nginx":
            servers = _nginx_servers(text, server.port, port, path, cuts=cuts)
            command, written = nginx(program, folder, servers)
            (folder / "nginx.conf").write_text(written)
        else:
            assert path == PATH
            command = traefik(program, folder, port)
            (folder / "traefik.yaml").write_text(_traefik_routes(text, cuts=cuts))
        environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
        with Child(command, log=folder / f"{kind}.log", environment=environment) as child:
            wait_until_open(port, child)
            found = Front(server, port, path)
            _wait_for_routes(found, child)
            yield found


def _documented(kind: str) -> str:
    """The configuration in the section of `docs/operating.md`."""
    page = (ROOT / "docs" / "operating.md").read_text()
    section = page.partition("\n## Below a path\n")[2].partition("\n## ")[0]
    language = {"nginx": "nginx", "traefik": "yaml"}[kind]
    [text] = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return str(text)


def _nginx_servers(text: str, server_port: int, port: int, path: str, *, cuts: bool) -> str:
    changes = [("listen 443 ssl;", f"listen {LOOPBACK}:{port} ssl;")]
    changes.append(("location /tessera/", f"location {path}/"))
    if cuts:
        passed = f"proxy_pass http://{LOOPBACK}:{server_port}"
        changes.append((f"{passed};", f"{passed}/;"))
    for documented, ours in changes:
        assert documented in text
        text = text.replace(documented, ours)
    return text


def _traefik_routes(text: str, *, cuts: bool) -> str:
    routes = yaml.safe_load(text)
    if not cuts:
        del routes["http"]["routers"]["tessera"]["middlewares"]
    return str(yaml.safe_dump(routes))


def _wait_for_routes(found: Front, child: Child) -> None:
    """Traefik listens before it has read its routes and its certificate."""
    patience = time.monotonic() + _READY_SECONDS
    while not _answers(found):
        assert time.monotonic() < patience, child.log()
        time.sleep(0.05)


def _answers(found: Front) -> bool:
    try:
        return found.ask("GET", f"{found.path}/sign-in")[0] == 200
    except OSError:  # TLS that ends in the handshake
        return False
