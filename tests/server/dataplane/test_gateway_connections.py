"""Idle connections from each real gateway to Tessera: the gateway closes them, before Tessera does.

A check sent while Tessera closes its connection gets no answer. Envoy turned 32 of 400 checks into
a 503 when their distance equalled Tessera's keep-alive time.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from server.catalogue import read_catalogue
from server.cli.servers import KEEP_ALIVE_SECONDS
from tests.support.process import LOOPBACK
from tests.support.proxies import CONFIGURATIONS, Upstream, proxy

HOST = "acme.api.us.example.com"
TARGET = "/api/v1/devices"
# The setting in each file; Traefik has none for its checks.
SETTINGS = {
    "nginx": ("nginx.conf", "keepalive_timeout {}s;"),
    "caddy": ("Caddyfile", "keepalive {}s"),
    "envoy": ("envoy.yaml", "idle_timeout: {}s"),
}


class Tessera:
    """Stands in for Tessera: allows everything and counts connections."""

    def __init__(self, *, closes_silently: bool = False) -> None:
        self.opened = 0
        self.closed = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                outer.opened += 1
                outer.closed.clear()
                super().handle()
                outer.closed.set()

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                self.close_connection = closes_silently

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.port: int = self._server.server_address[1]

    @contextmanager
    def running(self) -> Iterator["Tessera"]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()


def text_of(kind: str, seconds: int) -> str:
    """The shipped configuration with `seconds` in place of its idle time-out."""
    file, setting = SETTINGS[kind]
    text = (CONFIGURATIONS / file).read_text()
    assert text.count(setting.format(60)) == 1
    return text.replace(setting.format(60), setting.format(seconds))


@pytest.mark.parametrize("kind", SETTINGS)
def test_gateway_reuses_an_idle_connection_and_closes_it(kind: str, tmp_path: Path) -> None:
    with (
        Upstream(read_catalogue(None)) as upstream,
        Tessera().running() as tessera,
        proxy(kind, tmp_path, tessera.port, upstream.port, text_of(kind, 2)) as gate,
    ):
        before = tessera.opened
        statuses = {gate.ask(HOST, None, "GET", TARGET).status for _ in range(5)}
        assert statuses == {200}
        assert tessera.opened - before <= 2
        assert tessera.closed.wait(20)


def test_every_shipped_file_closes_before_tessera() -> None:
    for file, setting in SETTINGS.values():
        pattern = re.escape(setting).replace(r"\{\}", "([0-9]+)")
        found = re.findall(pattern, (CONFIGURATIONS / file).read_text())
        assert [int(seconds) < KEEP_ALIVE_SECONDS for seconds in found] == [True], file


def test_traefik_retries_on_a_closed_connection(tmp_path: Path) -> None:
    """Traefik keeps connections for 90 s and retries a check that got no answer."""
    tessera = Tessera(closes_silently=True)
    with (
        Upstream(read_catalogue(None)) as upstream,
        tessera.running(),
        proxy("traefik", tmp_path, tessera.port, upstream.port) as gate,
    ):
        before = tessera.opened
        statuses = [gate.ask(HOST, None, "GET", TARGET).status for _ in range(100)]
    assert statuses == [200] * 100
    assert tessera.opened - before >= 100
