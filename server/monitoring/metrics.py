"""The Prometheus metrics of this process."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from time import time
from typing import Protocol
from weakref import WeakSet

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from server.database import open_pools
from server.logs import DROPPED_LINES

_DECISION_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

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
    """Counts answers to gateways in plain numbers: each counter of the library takes a lock."""

    def __init__(self) -> None:
        self.by_status = dict.fromkeys((200, 400, 401, 403, 429, 500, 503), 0)
        self._by_reason: defaultdict[str, int] = defaultdict(int)
        self._by_duration = [0] * (len(_DECISION_SECONDS) + 1)
        self._seconds = 0.0

    def note(self, status: int, reason: str, seconds: float) -> None:
        """Count an answer. reason: the code of the denial; empty if there is none."""
        self.by_status[status] += 1
        self._seconds += seconds
        self._by_duration[bisect_left(_DECISION_SECONDS, seconds)] += 1
        if reason:
            self._by_reason[reason] += 1

    def collect(self) -> Iterator[Metric]:
        """Export the counts."""
        counter = CounterMetricFamily(
            "tessera_decisions", "Answers to gateways, by status.", labels=["status"]
        )
        for status, count in self.by_status.items():
            counter.add_metric([str(status)], count)
        yield counter
        denials = CounterMetricFamily(
            "tessera_denials", "Denials to gateways, by the code of the answer.", labels=["reason"]
        )
        for reason, count in [*self._by_reason.items()]:
            denials.add_metric([reason], count)
        yield denials
        bounds = [*map(str, _DECISION_SECONDS), "+Inf"]
        yield HistogramMetricFamily(
            "tessera_decision_duration_seconds",
            "Time from a gateway's request to its answer.",
            buckets=list(zip(bounds, accumulate(self._by_duration), strict=True)),
            sum_value=self._seconds,
        )


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


class Waits(Protocol):
    """Something that holds decisions until they are written."""

    def waits_since(self) -> float | None:
        """When the oldest of them was made, in seconds since 1970; None if none waits."""


class DecisionLogs(Collector):
    """Exports for how long decisions have waited to be written."""

    def __init__(self) -> None:
        self._logs: WeakSet[Waits] = WeakSet()

    def add(self, log: Waits) -> None:
        """From now on, include `log` for as long as it is used."""
        self._logs.add(log)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Export the longest wait."""
        since = [at for log in [*self._logs] if (at := log.waits_since()) is not None]
        lag = max(0.0, time() - min(since)) if since else 0.0
        yield GaugeMetricFamily(
            "tessera_decision_log_lag_seconds",
            "Age of the oldest decision that is not written to the database yet.",
            value=lag,
        )


DECISION_LOGS = DecisionLogs()
REGISTRY.register(DECISION_LOGS)


class _Connections(Collector):
    """Exports the connections to PostgreSQL, by the pool that holds them."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        open_ = GaugeMetricFamily(
            "tessera_database_connections",
            "Connections to PostgreSQL, by pool and whether they are in use.",
            labels=["pool", "state"],
        )
        most = GaugeMetricFamily(
            "tessera_database_connections_max",
            "Connections to PostgreSQL that a pool may hold.",
            labels=["pool"],
        )
        waiting = GaugeMetricFamily(
            "tessera_database_waiting",
            "Tasks that wait for a connection to PostgreSQL.",
            labels=["pool"],
        )
        pools = open_pools()
        for name in dict.fromkeys(pool.name for pool in pools):
            own = [pool for pool in pools if pool.name == name]
            sizes = [pool.sizes() for pool in own]
            open_.add_metric([name, "used"], sum(size - idle for size, idle in sizes))
            open_.add_metric([name, "idle"], sum(idle for _, idle in sizes))
            most.add_metric([name], sum(pool.max_size for pool in own))
            waiting.add_metric([name], sum(pool.waiting for pool in own))
        yield from (open_, most, waiting)


REGISTRY.register(_Connections())
LOOP_LAG = Histogram(
    "tessera_event_loop_lag_seconds",
    "How much later than it was due an event loop ran something, tried twice a second.",
    ["loop"],
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
    registry=REGISTRY,
)
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
WEBHOOK_ATTEMPTS = Counter(
    "tessera_webhook_attempts_total",
    "Attempts to send an event to a webhook, by outcome.",
    ["outcome"],
    registry=REGISTRY,
)
ROWS_DELETED = Counter(
    "tessera_rows_deleted_total",
    "Rows that were deleted because they were older than they are kept, by table.",
    ["table"],
    registry=REGISTRY,
)
SPANS_DROPPED = Counter(
    "tessera_spans_dropped_total",
    "Spans that were not exported, by whether too many waited or an export failed.",
    ["reason"],
    registry=REGISTRY,
)
MAIL_ATTEMPTS = Counter(
    "tessera_mail_attempts_total",
    "Attempts to send an e-mail, by outcome.",
    ["outcome"],
    registry=REGISTRY,
)
RATE_LIMIT_STORE_ERRORS = Counter(
    "tessera_rate_limit_store_errors_total",
    "Requests that passed uncounted because the store of rate limits did not answer.",
    registry=REGISTRY,
)
