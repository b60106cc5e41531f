"""The rate limiter of tenants: requests an hour, counted in memory, or in Redis for all instances.

Windows are hours of the clock, and exactly the limit passes in each. A library counts in Redis. In
memory, the library would take as long as the rest of a decision, and counting is a few lines.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from redis.exceptions import RedisError
from throttled.asyncio import RedisStore, Throttled, per_hour
from throttled.exceptions import StoreUnavailableError

from server.monitoring.metrics import RATE_LIMIT_STORE_ERRORS
from server.service import DEFAULT_REQUESTS_PER_HOUR

_ANSWER_SECONDS = 0.25
# Skip the store for a moment after a failure: otherwise each request would wait for it.
_SKIP_SECONDS = 1.0
_MAX_TENANTS = 1_000_000
_WINDOW_SECONDS = 3600
_log = logging.getLogger("tessera.rate_limiter")


class Count(NamedTuple):
    """A tenant's count in the present hour of the clock, this request included."""

    limited: bool
    limit: int
    remaining: int
    reset_seconds: int


# Takes the tenant's count; None while the store cannot be reached: then requests pass.
Counted = Callable[[Count | None], None]


class RateLimiter(Protocol):
    """Counts requests by tenant."""

    def hit(self, tenant_id: str, requests_per_hour: int | None, counted: Counted) -> None:
        """Count one request, and call `counted` once: now, or as soon as the store answers."""


def rate_limiter(url: str | None) -> RateLimiter:
    """Counts in the Redis at `url`, or in memory."""
    return RedisRateLimiter(url) if url else MemoryRateLimiter()


class MemoryRateLimiter:
    """Counts for one instance. Exact, since no task switch separates reading and writing."""

    def __init__(self) -> None:
        self._ends_at = 0
        self._counts: dict[str, int] = {}

    def hit(self, tenant_id: str, requests_per_hour: int | None, counted: Counted) -> None:
        """Count one request, and call `counted` before returning."""
        limit = requests_per_hour or DEFAULT_REQUESTS_PER_HOUR
        left = self._ends_at - int(time.time())
        if not 0 < left <= _WINDOW_SECONDS:  # also where the clock was set back
            left = self._begin_hour()
        hits = self._counts.get(tenant_id, 0) + 1
        if hits == 1 and len(self._counts) >= _MAX_TENANTS:
            del self._counts[next(iter(self._counts))]
        if hits <= limit:  # a denied request does not count
            self._counts[tenant_id] = hits
        remaining = limit - hits if hits <= limit else 0
        # Bypasses the constructor of NamedTuple, which takes three times as long.
        count = (hits > limit, limit, remaining, left)
        counted(tuple.__new__(Count, count))

    def _begin_hour(self) -> int:
        """Start a window; gives the seconds until it ends."""
        now = int(time.time())
        left = _WINDOW_SECONDS - now % _WINDOW_SECONDS
        self._ends_at, self._counts = now + left, {}
        return left


class RedisRateLimiter:
    """Counts for all instances that share a store."""

    def __init__(self, url: str) -> None:
        timeouts = {
            "socket_timeout": _ANSWER_SECONDS,
            "socket_connect_timeout": _ANSWER_SECONDS,
        }
        self._store = RedisStore(server=url, options={"CONNECTION_POOL_KWARGS": timeouts})
        self._limits: dict[int, Throttled] = {}
        self._skipped_until = 0.0
        self._asking: set[asyncio.Task[None]] = set()

    def hit(self, tenant_id: str, requests_per_hour: int | None, counted: Counted) -> None:
        """Count one request, and call `counted` as soon as the store answers."""
        asking = asyncio.get_running_loop().create_task(
            self._hit(tenant_id, requests_per_hour, counted)
        )
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

    async def _hit(self, tenant_id: str, requests_per_hour: int | None, counted: Counted) -> None:
        counted(await self._count(tenant_id, requests_per_hour))

    async def _count(self, tenant_id: str, requests_per_hour: int | None) -> Count | None:
        limit = requests_per_hour or DEFAULT_REQUESTS_PER_HOUR
        throttled = self._limits.get(limit)
        if throttled is None:
            throttled = self._limits[limit] = Throttled(
                using="fixed_window", quota=per_hour(limit), store=self._store
            )
        now = asyncio.get_running_loop().time()
        if now < self._skipped_until:
            RATE_LIMIT_STORE_ERRORS.inc()
            return None
        try:
            result = await throttled.limit(tenant_id)
        except (StoreUnavailableError, RedisError, OSError, TimeoutError) as error:
            RATE_LIMIT_STORE_ERRORS.inc()
            if self._skipped_until <= now:  # log once for all requests that waited together
                self._skipped_until = now + _SKIP_SECONDS
                told = "rate limits are not enforced: their store does not answer"
                _log.error(told, exc_info=error)
            return None
        state = result.state
        return Count(result.limited, state.limit, state.remaining, int(state.reset_after))
