"""Real gateways in front of a small API, with the shipped configurations and other addresses.

nginx and Caddy come from the distribution's packages, Envoy and Traefik from the locked wheels.
"""

import json
import os
import re
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from server.catalogue import Catalogue
from tests.support.process import LOOPBACK, ROOT, Child, free_port
from tests.support.waiting import PATIENCE_SECONDS

CONFIGURATIONS = ROOT / "server" / "dataplane" / "gateways"
KINDS = ("nginx", "caddy", "traefik", "envoy")
_FILES = {"nginx": "nginx.conf", "caddy": "Caddyfile", "traefik": "traefik.yaml"}


class _UpstreamHandler(BaseHTTPRequestHandler):
    server: "_UpstreamServer"

    def answer(self) -> None:
        body = self.read_body()
        headers = _folded(self.headers.items())
        host, method, target = _believed(self.command, self.path, headers)
        content = {
            "host": host,
            "served": self.server.upstream.served(method, target),
            "target": self.path,
            "headers": headers,
            "body": body.decode("latin-1"),
        }
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - names of http.server
    do_OPTIONS = answer  # noqa: N815 - likewise

    def read_body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size + 2)[:-2]
        while self.rfile.readline().strip():
            pass  # trailers are not headers
        return body

    def log_message(self, *_arguments: object) -> None:
        pass


class _UpstreamServer(ThreadingHTTPServer):
    request_queue_size = 256

    def __init__(self, upstream: "Upstream") -> None:
        super().__init__((LOOPBACK, 0), _UpstreamHandler)
        self.upstream = upstream


class Upstream:
    """The tenant's API, as lenient as backends come: it decodes, resolves and cuts targets, ignores
    case, and takes host, method and target from headers.

    It answers 200 to everything, with the host and operation that it would use and the headers it
    received. It compares header names as CGI does, by letters and digits alone.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._operations = [
            (permission.method, _pattern(permission.path), permission.key)
            for permission in sorted(catalogue.permissions, key=lambda p: p.path.count("{"))
        ]
        self._server = _UpstreamServer(self)
        self.port: int = self._server.server_address[1]

    def served(self, method: str, target: str) -> str | None:
        """The operation that the most lenient backend runs for `target`."""
        path = target.partition("?")[0]
        for _ in range(4):
            path = unquote(path, encoding="latin-1")
        segments: list[str] = []
        for segment in path.replace("\\", "/").split("/"):
            name = segment.partition(";")[0].rstrip("\0")
            if name == "..":
                del segments[-1:]
            elif name not in {"", "."}:
                segments.append(name)
        normal = "/" + "/".join(segments)
        for known, pattern, key in self._operations:
            if known == ("GET" if method == "HEAD" else method) and pattern.fullmatch(normal):
                return key
        return None

    def __enter__(self) -> "Upstream":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True)
class Answer:
    """A client's answer through the gateway."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The single header of this name, or None."""
        values = [value for known, value in self.headers if known.lower() == name.lower()]
        assert len(values) <= 1, f"{name} comes {len(values)} times"
        return values[0] if values else None

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Proxy:
    """A running gateway."""

    kind: str
    port: int

    def ask(
        self,
        host: str,
        secret: str | None,
        method: str = "GET",
        target: str = "/api/v1/devices",
        *more: str,
    ) -> Answer:
        """Send one request with the target byte for byte; `more` are complete header lines."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *more]
        if secret is not None:
            lines.append(f"Authorization: Bearer {secret}")
        return self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), method)

    def send(self, request: bytes, method: str = "GET") -> Answer:
        """Send the bytes of one request."""
        with socket.create_connection((LOOPBACK, self.port), timeout=10) as connection:
            connection.sendall(request)
            response = HTTPResponse(connection, method=method)
            response.begin()
            return Answer(response.status, response.getheaders(), response.read())


@contextmanager
def proxy(
    kind: str, folder: Path, tessera_port: int, upstream_port: int, text: str = ""
) -> Iterator[Proxy]:
    """A real gateway of `kind` with the shipped configuration, or with `text`.

    Skips the test where the program is missing; fails in CI.
    """
    program = program_of(kind)
    port = free_port()
    file = folder / _FILES.get(kind, "envoy.yaml")
    text = text or (CONFIGURATIONS / file.name).read_text()
    for shipped, ours in ((8000, tessera_port), (9000, upstream_port)):
        assert f"127.0.0.1:{shipped}" in text or f"port_value: {shipped}" in text
        text = text.replace(f"127.0.0.1:{shipped}", f"127.0.0.1:{ours}")
        text = text.replace(f"port_value: {shipped}", f"port_value: {ours}")
    command, file_text = _COMMANDS[kind](program, folder, text, port)
    file.write_text(file_text)
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    with Child(command, log=folder / f"{kind}.log", environment=environment) as child:
        wait_until_open(port, child)
        ready = Proxy(kind, port)
        # Traefik listens before it has read its routes.
        while ready.ask("x.api.x.example.com", None).status == 404:
            time.sleep(0.05)
        yield ready


def _nginx(program: str, folder: Path, text: str, port: int) -> tuple[list[str], str]:
    return nginx(program, folder, text.replace("listen 8080;", f"listen {LOOPBACK}:{port};"))


def nginx(program: str, folder: Path, servers: str) -> tuple[list[str], str]:
    """The command of an nginx with these `server` blocks, and the text of its file."""
    paths = "".join(
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = (
        f"daemon off; pid {folder}/nginx.pid; error_log stderr;"
        + ("user root;" if os.getuid() == 0 else "")
        + f"events {{}} http {{ access_log off; {paths}\n"
        + servers
        + "}"
    )
    return [program, "-e", "stderr", "-c", str(folder / "nginx.conf")], whole


def _caddy(program: str, folder: Path, text: str, port: int) -> tuple[list[str], str]:
    whole = "{\n\tadmin off\n\tauto_https off\n}\n" + text.replace(
        ":8080 {", f"http://:{port} {{\n\tbind {LOOPBACK}", 1
    )
    return [program, "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")], whole


def _traefik(program: str, folder: Path, text: str, port: int) -> tuple[list[str], str]:
    return traefik(program, folder, port), text


def traefik(program: str, folder: Path, port: int) -> list[str]:
    """The command of a Traefik with the routes of `traefik.yaml` in that folder."""
    options = [
        f"--entryPoints.web.address={LOOPBACK}:{port}",
        f"--providers.file.filename={folder / 'traefik.yaml'}",
        "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false",
    ]
    return [program, *options]


def _envoy(program: str, folder: Path, text: str, port: int) -> tuple[list[str], str]:
    whole = text.replace("port_value: 8080", f"port_value: {port}")
    options = ["--concurrency", "1", "--disable-hot-restart", "-l", "warning"]
    return [program, "-c", str(folder / "envoy.yaml"), *options], whole


_Command = Callable[[str, Path, str, int], tuple[list[str], str]]
_COMMANDS: dict[str, _Command] = {
    "nginx": _nginx,
    "caddy": _caddy,
    "traefik": _traefik,
    "envoy": _envoy,
}


def program_of(kind: str) -> str:
    """The program's path. Skips the test where it is missing; fails in CI."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"])
    found = shutil.which(kind, path=places)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"there is no {kind} here")
        pytest.skip(f"there is no {kind} here")
    return found


def wait_until_open(port: int, child: Child) -> None:
    """Wait until `child` listens on `port`."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection((LOOPBACK, port), timeout=1).close()
        except OSError:
            assert child.running, child.log()
            assert time.monotonic() < patience, child.log()
            time.sleep(0.05)
        else:
            return


def _pattern(template: str) -> re.Pattern[str]:
    """A router's pattern for a template, with an optional slash at the end."""
    parts = re.split(r"\{[^{}]*\}", template.rstrip("/"))
    return re.compile("[^/]+".join(map(re.escape, parts)), re.IGNORECASE)


def _folded(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers by their CGI names: letters and digits, everything else as `_`."""
    found: dict[str, str] = {}
    for name, value in headers:
        folded = re.sub(r"[^a-z0-9]", "-", name.lower())
        found[folded] = f"{found[folded]},{value}" if folded in found else value
    return found


def _believed(method: str, target: str, headers: dict[str, str]) -> tuple[str, str, str]:
    """Host, method and target as read by a framework that trusts proxy headers for all three."""
    overrides = ("x-http-method-override", "x-http-method", "x-method-override")
    method = next((headers[name].upper() for name in overrides if name in headers), method)
    rewritten = ("x-original-url", "x-original-uri", "x-rewrite-url", "x-rewrite-uri")
    target = next((headers[name] for name in rewritten if name in headers), target)
    forwarded = re.search(r'host="?([^";,]+)', headers.get("forwarded", ""))
    hosts = ("x-forwarded-host", "x-host", "x-original-host", "host")
    host = forwarded[1] if forwarded else next(headers[name] for name in hosts if name in headers)
    return host, method, target
