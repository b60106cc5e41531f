"""`tessera serve` exports spans where the environment says so, and nothing ever waits for that."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from server.monitoring.span_export import exported_spans
from tests.support import without
from tests.support.collector import attributes, collecting
from tests.support.process import ROOT, ServerProcess, tessera_environment

_WARNING = "no spans are exported"
_TRACE, _CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def session(server: ServerProcess) -> str:
    """A session of the demo tenant's owner."""
    email, password = re.findall(r"^(?:E-mail|Password) +(\S+)", server.log(), re.MULTILINE)[:2]
    person = {"tenant": "demo", "email": email, "password": password, "transport": "bearer"}
    answer = httpx2.post(f"{server.url}/session", json=person, timeout=60)
    return str(answer.json()["session"])


def test_request_and_its_operation_arrive_at_the_collector(tmp_path: Path) -> None:
    with (
        collecting() as collector,
        ServerProcess(tmp_path, settings=collector.settings, arguments=["--demo"]) as server,
    ):
        headers = {
            "Authorization": f"Bearer {session(server)}",
            "traceparent": f"00-{_TRACE}-{_CALLER}-01",
        }
        query = {"query": "{ viewer { email } }"}
        httpx2.post(f"{server.url}/graphql", json=query, headers=headers, timeout=60)
        spans = collector.wait(lambda spans: any(one.name == "POST /graphql" for one in spans))
        resources = collector.resources()
    traced = {span.name: span for span in spans if span.trace_id.hex() == _TRACE}
    assert traced.keys() == {"viewer", "POST /graphql"}
    # GraphQL runs in another thread than the request.
    assert traced["viewer"].parent_span_id == traced["POST /graphql"].span_id
    assert traced["POST /graphql"].parent_span_id.hex() == _CALLER
    assert attributes(traced["viewer"])["tessera.result.code"] == "OK"
    for resource in resources:
        assert resource["service.name"] == "tessera"
        assert all(name.startswith(("service.", "telemetry.sdk.")) for name in resource)


def test_every_worker_exports_and_sends_its_last_spans_at_the_end(
    tmp_path: Path, postgres_url: str
) -> None:
    with collecting() as collector:
        # None is sent before the end.
        settings = {
            **collector.settings,
            "OTEL_BSP_SCHEDULE_DELAY": "3600000",
            "OTEL_SERVICE_NAME": "a name of its own",
            "TESSERA_TRACE_AUTHORIZE_RATIO": "1",
        }
        server = ServerProcess(tmp_path, database_url=postgres_url, settings=settings, workers=2)
        with server:
            answered = [httpx2.get(f"{server.url}/healthz", timeout=60) for _ in range(20)]
            answered += [httpx2.get(f"{server.url}/authorize", timeout=60) for _ in range(20)]
            ids = {one.headers["x-request-id"] for one in answered[:20]}
            assert collector.bodies == []
            assert server.stop(deadline_seconds=60) == 0
        spans = collector.spans()
        names = {resource["service.name"] for resource in collector.resources()}
    told = [attributes(span).get("tessera.request.id") for span in spans]
    assert ids <= set(told)
    assert sum(span.name == "GET /authorize" for span in spans) == 20
    assert names == {"a name of its own"}


@pytest.mark.parametrize("how", ["hangs", "refuses", "is not there"])
def test_answers_do_not_wait_for_a_collector(tmp_path: Path, how: str) -> None:
    with collecting(status=403 if how == "refuses" else 200, hangs=how == "hangs") as collector:
        settings = {
            **collector.settings,
            "OTEL_BSP_MAX_QUEUE_SIZE": "8",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4",
            "OTEL_BSP_SCHEDULE_DELAY": "10",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "3600" if how == "hangs" else "1",
        }
        if how == "is not there":
            settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
        with ServerProcess(tmp_path, settings=settings) as server:
            wait_for(lambda: how == "is not there" or collector.attempts > 0)
            # An export takes an hour where it hangs: a request that waited would not be answered.
            for _ in range(50):
                assert httpx2.get(f"{server.url}/healthz", timeout=60).status_code == 200
            wait_for(lambda: dropped(server) > 0)
            assert server.stop(signal.SIGTERM, deadline_seconds=60) == 0
        log = server.log()
    assert how != "hangs" or "the last spans were not exported" in log
    assert "Traceback" not in log


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def dropped(server: ServerProcess) -> float:
    """How many spans `/metrics` tells as dropped."""
    text = httpx2.get(f"{server.url}/metrics", timeout=60).text
    found = re.findall(r"^tessera_spans_dropped_total\{.*\} (\S+)$", text, re.MULTILINE)
    return sum(map(float, found))


def test_without_the_extra_it_serves_and_says_why_no_spans_are_exported(tmp_path: Path) -> None:
    settings = {"OTEL_TRACES_EXPORTER": "otlp"}
    command = without.command("!opentelemetry.sdk", "!opentelemetry.exporter")
    server = ServerProcess(tmp_path, command=command, settings=settings, deadline_seconds=120)
    with server:
        headers = {"traceparent": f"00-{_TRACE}-{_CALLER}-01"}
        assert httpx2.get(f"{server.url}/healthz", headers=headers, timeout=60).status_code == 200
    [line] = [line for line in server.log().splitlines() if _WARNING in line]
    assert "install tessera[otel]" in line


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"},
    ],
)
def test_without_an_exporter_the_sdk_is_not_loaded(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "server.monitoring.span_batches", None)
    with exported_spans(settings) as tracer:
        assert tracer is None
    assert caplog.text == ""
    with pytest.raises(ModuleNotFoundError), exported_spans({"OTEL_TRACES_EXPORTER": "otlp"}):
        pass


def test_command_line_loads_no_sdk() -> None:
    code = "import server.cli.serve, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=tessera_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = done.stdout.split()
    assert {"opentelemetry.trace", "server.monitoring.span_export"} <= {*loaded}
    # The SDK's metrics are loaded by the client of Redis.
    for absent in ("opentelemetry.exporter", "server.monitoring.span_batches"):
        assert absent not in loaded


@pytest.mark.parametrize(
    ("settings", "detail"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER must be otlp or none"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL must be http/"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "many"}, "many"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "4"}, "max_export_batch_size"),
    ],
)
def test_mistake_in_the_variables_is_logged(
    settings: dict[str, str],
    detail: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", **settings}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with exported_spans(environment) as tracer:
        assert tracer is None
    [record] = [record for record in caplog.records if record.message == _WARNING]
    assert detail in getattr(record, "detail", "")
