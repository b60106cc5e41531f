"""The workers of an instance: processes that share its listeners and its log."""

from server.workers.cores import MAX_WORKERS, usable_cores
from server.workers.counts import SharedCounts
from server.workers.exchange import Exchange
from server.workers.locks import SharedLock
from server.workers.supervisor import FORCE, Supervisor
from server.workers.worker import Worker

__all__ = [
    "FORCE",
    "MAX_WORKERS",
    "Exchange",
    "SharedCounts",
    "SharedLock",
    "Supervisor",
    "Worker",
    "usable_cores",
]
