"""Exports spans by OTLP, where the standard `OTEL_…` variables ask for it.

OpenTelemetry's SDK is an extra (`tessera[otel]`), imported here alone, and only if spans are
exported. It reads the variables itself. This module decides whether spans are exported.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.trace import Tracer

from server.monitoring.tracing import SCOPE

_log = logging.getLogger("tessera.tracing")
_EXPORTERS = "OTEL_TRACES_EXPORTER"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"


@contextmanager
def exported_spans(environment: Mapping[str, str]) -> Iterator[Tracer | None]:
    """Yield the tracer, and export its spans until the end of the block. Yields None without
    export.

    Starts threads: call it in the process that serves. Never raises for a mistake in the variables:
    it is logged, and the service runs without spans.
    """
    if not _is_wanted(environment):
        yield None
        return
    try:
        # exempt imports_below_the_top: the SDK is an extra, and takes time and memory
        from server.monitoring.span_batches import Provider
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        _warn("OpenTelemetry's SDK is not installed: install tessera[otel]")
        yield None
        return
    try:
        provider = Provider(environment)
    except ValueError as error:  # the SDK's sentences name its variables
        _warn(str(error))
        yield None
        return
    try:
        yield provider.tracer(SCOPE)
    finally:
        provider.close()


def _is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether spans are to be exported. Logs a variable with a value that is not offered."""
    if _text(environment, "OTEL_SDK_DISABLED").lower() == "true":
        return False
    exporter = _text(environment, _EXPORTERS)
    has_endpoint = any(_text(environment, name) for name in _ENDPOINTS)
    if exporter == "none" or not (exporter or has_endpoint):
        return False
    if exporter not in {"", "otlp"}:
        _warn(f"{_EXPORTERS} must be otlp or none")
        return False
    protocol = next(filter(None, (_text(environment, name) for name in _PROTOCOLS)), _PROTOCOL)
    if protocol != _PROTOCOL:
        _warn(f"{_PROTOCOLS[1]} must be {_PROTOCOL}")
        return False
    return True


def _text(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, "").strip()


def _warn(detail: str) -> None:
    _log.warning("no spans are exported", extra={"detail": detail})
