"""OpenTelemetry's SDK, set up: spans wait in memory, and a thread sends them in batches.

Imports the SDK, which is an extra: only `span_export` imports this, where spans are exported.
"""

import logging
from collections.abc import Mapping, Sequence
from threading import Lock, Thread

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Tracer

from server.monitoring.metrics import SPANS_DROPPED

_log = logging.getLogger("tessera.tracing")
_MAX_WAITING = ("OTEL_BSP_MAX_QUEUE_SIZE", "2048")
# At the end of the process, which must not wait for a collector that hangs.
_CLOSE_SECONDS = 5.0


class Provider:
    """Makes tracers whose spans are exported.

    It is not registered as the process's provider, because libraries that make spans would add
    statements and URLs to the export. Raises `ValueError` for variables that the SDK refuses.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        most = int(environment.get(*_MAX_WAITING))
        self._provider = TracerProvider(resource=_resource(environment), shutdown_on_exit=False)
        self._spans = BoundedSpans(OTLPSpanExporter(), most)
        self._provider.add_span_processor(self._spans)

    def tracer(self, scope: str) -> Tracer:
        """The tracer that makes the spans of `scope`."""
        return self._provider.get_tracer(scope)

    def close(self) -> None:
        """Export the waiting spans, for five seconds at most."""
        # A thread: the SDK waits for the exporter, up to half a minute.
        closing = Thread(target=self._provider.shutdown, name="spans", daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)
        if self._spans.waiting:
            _log.warning("the last spans were not exported", extra={"dropped": self._spans.waiting})


def _resource(environment: Mapping[str, str]) -> Resource:
    named = environment.get("OTEL_SERVICE_NAME", "").strip()
    is_named = named or f"{SERVICE_NAME}=" in environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return Resource.create({} if is_named else {SERVICE_NAME: "tessera"})


class BoundedSpans(SpanProcessor):
    """The SDK's batches, of at most `most` spans that wait. Counts each span that is dropped.

    The SDK drops spans beyond its limit without telling how many: so it is given none of these.
    """

    def __init__(self, exporter: SpanExporter, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self.waiting = 0
        self._batches = BatchSpanProcessor(_Counted(exporter, self), max_queue_size=most)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span that is sampled, or drop it. Never waits."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        with self._lock:
            is_full = self.waiting >= self._most
            self.waiting += not is_full
        if is_full:
            SPANS_DROPPED.labels("queue full").inc()
        else:
            self._batches.on_end(span)

    def shutdown(self) -> None:
        """Export the waiting spans, and end the thread."""
        self._batches.shutdown()  # type: ignore[no-untyped-call]  # the SDK's own

    def gone(self, spans: int) -> None:
        """Note that so many do not wait any more."""
        with self._lock:
            self.waiting -= spans


class _Counted(SpanExporter):
    """An exporter whose failures are counted. The SDK logs their reason."""

    def __init__(self, exporter: SpanExporter, spans: BoundedSpans) -> None:
        self._exporter = exporter
        self._spans = spans

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            self._spans.gone(len(spans))
            if result is not SpanExportResult.SUCCESS:
                SPANS_DROPPED.labels("not exported").inc(len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()
