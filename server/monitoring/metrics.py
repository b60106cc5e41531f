"""The metrics of this process, in Prometheus' terms."""

from prometheus_client import CollectorRegistry, Counter, Histogram

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
DECISIONS = Counter(
    "tessera_decisions_total",
    "Answers to gateways, by status.",
    ["status"],
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
