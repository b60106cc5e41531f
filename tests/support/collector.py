"""A collector of spans: receives those of OpenTelemetry's exporter by OTLP over HTTP."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.process import LOOPBACK

_PATIENCE_SECONDS = 60


class Collector:
    """Keeps every request. Answers with `status`, or never while it `hangs`."""

    def __init__(self, port: int, *, status: int, hangs: bool) -> None:
        self.status = status
        self.bodies: list[bytes] = []
        self.attempts = 0
        self.released = Event()
        if not hangs:
            self.released.set()
        # A batch waits for no further span, and each one is sent soon.
        self.settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{LOOPBACK}:{port}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }

    def contents(self) -> bytes:
        """Every request so far."""
        return b"\n".join(self.bodies)

    def requests(self) -> list[Any]:
        """Every request so far, read."""
        return [ExportTraceServiceRequest.FromString(body) for body in self.bodies]

    def spans(self) -> list[Span]:
        """All spans so far, in the order in which they ended in each process."""
        return [
            span
            for request in self.requests()
            for of_resource in request.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        ]

    def resources(self) -> list[dict[str, Any]]:
        """The process that each request names."""
        return [
            attributes(of_resource.resource)
            for request in self.requests()
            for of_resource in request.resource_spans
        ]

    def wait(self, holds: Callable[[list[Span]], bool]) -> list[Span]:
        """Wait until `holds` is true of all spans, and give them."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not holds(spans := self.spans()):
            assert time.monotonic() < deadline, [span.name for span in spans]
            time.sleep(0.05)
        return spans


def attributes(of: Any) -> dict[str, Any]:
    """The attributes of a span or resource."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of.attributes}


@contextmanager
def collecting(*, status: int = 200, hangs: bool = False) -> Iterator[Collector]:
    """A collector until the end of the block, in threads of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.attempts += 1
            collector.released.wait(_PATIENCE_SECONDS)
            if collector.status == 200:
                assert self.path == "/v1/traces"
                collector.bodies.append(body)
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # the client went away meanwhile

    with Server((LOOPBACK, 0), Handler) as server:
        collector = Collector(server.server_port, status=status, hangs=hangs)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            collector.released.set()
            server.shutdown()
            thread.join()
