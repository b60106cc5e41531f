"""The limit of each tenant's requests an hour, counted in memory or for all instances in Redis."""

import asyncio
import logging
from typing import NamedTuple
from uuid import UUID

from redis.exceptions import RedisError
from throttled.asyncio import MemoryStore, RedisStore, Throttled, per_hour
from throttled.exceptions import StoreUnavailableError

from server.monitoring.metrics import RATE_LIMIT_STORE_ERRORS
from server.service import DEFAULT_REQUESTS_PER_HOUR

_ANSWER_SECONDS = 0.25
# After a failure the store is left alone for a moment: requests would wait for it one by one.
_LEAVE_ALONE_SECONDS = 1.0
# Of the counts in memory, at some 300 bytes each. Those of past hours stay until newer ones push
# them out, the longest unused first.
_MOST_COUNTS = 100_000
_log = logging.getLogger("tessera.rate_limit")


class Count(NamedTuple):
    """Where a tenant stands in the present hour of the clock, this request included."""

    limited: bool
    limit: int
    remaining: int
    reset_seconds: int


class RateLimit:
    """Counts requests by tenant in windows of a clock hour: exactly the limit passes in each."""

    def __init__(self, url: str | None) -> None:
        self._store: MemoryStore | RedisStore
        if url is None:
            self._store = MemoryStore(options={"MAX_SIZE": _MOST_COUNTS})
        else:
            timeouts = {
                "socket_timeout": _ANSWER_SECONDS,
                "socket_connect_timeout": _ANSWER_SECONDS,
            }
            self._store = RedisStore(server=url, options={"CONNECTION_POOL_KWARGS": timeouts})
        self._limits: dict[int, Throttled] = {}
        self._left_alone_until = 0.0

    async def hit(self, tenant_id: UUID, requests_per_hour: int | None) -> Count | None:
        """Count one request. None while the store cannot be reached: then requests pass."""
        limit = requests_per_hour or DEFAULT_REQUESTS_PER_HOUR
        throttled = self._limits.get(limit)
        if throttled is None:
            throttled = self._limits[limit] = Throttled(
                using="fixed_window", quota=per_hour(limit), store=self._store
            )
        now = asyncio.get_running_loop().time()
        if now < self._left_alone_until:
            RATE_LIMIT_STORE_ERRORS.inc()
            return None
        try:
            result = await throttled.limit(tenant_id.hex)
        except (StoreUnavailableError, RedisError, OSError, TimeoutError) as error:
            RATE_LIMIT_STORE_ERRORS.inc()
            if self._left_alone_until <= now:  # the first of all that waited together
                self._left_alone_until = now + _LEAVE_ALONE_SECONDS
                told = "rate limits are not enforced: their store does not answer"
                _log.error(told, exc_info=error)
            return None
        state = result.state
        return Count(result.limited, state.limit, state.remaining, int(state.reset_after))
