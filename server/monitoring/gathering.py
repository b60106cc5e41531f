"""Collects the metrics of all workers of an instance, in the worker that is asked. Each metric has
the worker's number as the label `worker`. They are not summed: the sum would fall when a worker
dies.
"""

from asyncio import timeout
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import orjson
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server.database import is_unavailable
from server.monitoring.metrics import REGISTRY
from server.workers import Worker

_UP = "tessera_worker_up"
_LAG = "tessera_outbox_lag_seconds"
_ANSWER_SECONDS = 1
# The seconds that the longest due of each queue has waited.
OutboxLag = Callable[[], Awaitable[Mapping[str, float]]]


async def exposition(worker: Worker | None, outbox_lag: OutboxLag) -> bytes:
    """The metrics in Prometheus' text format.

    outbox_lag: asks the database, whose metric is missing while it does not answer.
    """
    told = {} if worker is None else {worker.number: snapshot(), **await worker.ask_others()}
    merged = CollectorRegistry(auto_describe=False)
    merged.register(_Lag(await _answered(outbox_lag)))
    if told:
        merged.register(_Merged(told))
        return generate_latest(merged)
    return generate_latest(REGISTRY) + generate_latest(merged)


async def _answered(outbox_lag: OutboxLag) -> Mapping[str, float]:
    try:
        async with timeout(_ANSWER_SECONDS):
            return await outbox_lag()
    except Exception as error:
        if not is_unavailable(error):
            raise
        return {}


def snapshot() -> bytes:
    """The metrics of this process, as another worker reads them."""
    families = [
        (
            family.name,
            family.documentation,
            family.type,
            [(sample.name, sample.labels, sample.value) for sample in family.samples],
        )
        for family in REGISTRY.collect()
    ]
    return orjson.dumps(families)


class _Lag(Collector):
    """The lag of the outbox, which is that of the database and of no worker."""

    def __init__(self, lags: Mapping[str, float]) -> None:
        self._lags = lags

    def collect(self) -> Iterator[Metric]:
        """Export it by queue."""
        about = "How long the event or e-mail that is due for longest has waited to be sent."
        lag = GaugeMetricFamily(_LAG, about, labels=["queue"])
        for queue, seconds in self._lags.items():
            lag.add_metric([queue], seconds)
        yield lag


class _Merged(Collector):
    """The metrics of several workers; a worker that does not answer is down."""

    def __init__(self, told: dict[int, bytes | None]) -> None:
        self._told = dict(sorted(told.items()))

    def collect(self) -> Iterator[Metric]:
        """Export each metric with the samples of all workers together, as the format demands."""
        merged: dict[str, Metric] = {}
        up = GaugeMetricFamily(_UP, "Whether a worker tells its metrics.", labels=["worker"])
        for number, content in self._told.items():
            up.add_metric([str(number)], float(content is not None))
            for family in orjson.loads(content) if content else ():
                _add(merged, str(number), *family)
        yield up
        yield from merged.values()


def _add(
    merged: dict[str, Metric], worker: str, name: str, about: str, kind: str, samples: list[Any]
) -> None:
    metric = merged.setdefault(name, Metric(name, about, kind))
    for sample, labels, value in samples:
        metric.add_sample(sample, {**labels, "worker": worker}, value)
