"""The Prometheus metrics of this process."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from server.logs import DROPPED_LINES

REGISTRY = CollectorRegistry()

REQUESTS = Counter(
    "tessera_http_requests_total",
    "HTTP requests answered.",
    ["route", "method", "status"],
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "tessera_http_request_duration_seconds",
    "Time to answer an HTTP request.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
    registry=REGISTRY,
)
UNEXPECTED_ERRORS = Counter(
    "tessera_unexpected_errors_total",
    "Errors that were masked and logged with a request id.",
    registry=REGISTRY,
)


class Decisions(Collector):
    """Counts answers to gateways in plain integers: each counter of the library takes a lock."""

    def __init__(self) -> None:
        self.by_status = dict.fromkeys((200, 400, 401, 403, 429, 500, 503), 0)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Export the counts as one metric."""
        counter = CounterMetricFamily(
            "tessera_decisions", "Answers to gateways, by status.", labels=["status"]
        )
        for status, count in self.by_status.items():
            counter.add_metric([str(status)], count)
        yield counter


DECISIONS = Decisions()
REGISTRY.register(DECISIONS)


class _LogLines(Collector):
    """Exports the log's count of dropped lines. The log's thread does not import metrics."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        counter = CounterMetricFamily(
            "tessera_log_lines_dropped", "Log lines that standard error did not take in time."
        )
        counter.add_metric([], DROPPED_LINES.count)
        yield counter


REGISTRY.register(_LogLines())
CONNECTIONS_ENDED = Counter(
    "tessera_connections_ended_total",
    "Connections that were ended for what their clients sent, or did not send or read.",
    ["reason"],
    registry=REGISTRY,
)
RECORDS_DROPPED = Counter(
    "tessera_decision_records_dropped_total",
    "Decisions that were not recorded because too many waited to be written.",
    registry=REGISTRY,
)
RATE_LIMIT_STORE_ERRORS = Counter(
    "tessera_rate_limit_store_errors_total",
    "Requests that passed uncounted because the store of rate limits did not answer.",
    registry=REGISTRY,
)
