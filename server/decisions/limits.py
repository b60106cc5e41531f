"""The rate limiter: requests an hour of tenants, and of tokens with a limit of their own.

Counted in memory, or in Redis for all instances. Windows are hours of the clock, and exactly the
limit passes in each. A request counts in both limits or, if either is reached, in neither: in Redis
one script does both. No library does that; in memory, one would also take as long as a decision.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from server.decisions.terms import Terms
from server.monitoring.metrics import RATE_LIMIT_STORE_ERRORS
from server.service import DEFAULT_REQUESTS_PER_HOUR

_ANSWER_SECONDS = 0.25
_CONNECTIONS = 16
# Skip the store for a moment after a failure: otherwise each request would wait for it.
_SKIP_SECONDS = 1.0
_MAX_COUNTS = 1_000_000
_WINDOW_SECONDS = 3600
# The names of the limits in the headers `RateLimit` and `RateLimit-Policy`.
TENANT, TOKEN = "hour", "token-hour"
# Counts in all keys, or in none. Gives whether it counted, and the counts before.
_COUNT = """
local passes, answer = 1, {0}
for i, key in ipairs(KEYS) do
    local hits = tonumber(redis.call('GET', key) or '0')
    answer[i + 1] = hits
    if hits >= tonumber(ARGV[i + 1]) then passes = 0 end
end
if passes == 1 then
    for _, key in ipairs(KEYS) do
        redis.call('INCR', key)
        redis.call('EXPIRE', key, ARGV[1])
    end
end
answer[1] = passes
return answer
"""
_log = logging.getLogger("tessera.rate_limiter")


class Count(NamedTuple):
    """The count of the tighter limit in the present hour of the clock, with this request."""

    limited: bool
    limit: int
    remaining: int
    reset_seconds: int
    # The names of the two limits in the header `RateLimit`, and the looser one if there are two.
    name: str = TENANT
    looser: tuple[str, int] | None = None


# Takes the count; None while the store cannot be reached: then requests pass.
Counted = Callable[[Count | None], None]


class RateLimiter(Protocol):
    """Counts requests by tenant, and by token where it has a limit."""

    def hit(self, terms: Terms, counted: Counted) -> None:
        """Count one request, and call `counted` once: now, or as soon as the store answers."""

    async def close(self) -> None:
        """Close the connections to the store, if there are any."""


def rate_limiter(url: str | None) -> RateLimiter:
    """Counts in the Redis at `url`, or in memory."""
    return RedisRateLimiter(url) if url else MemoryRateLimiter()


class MemoryRateLimiter:
    """Counts for one instance. Exact, since no task switch separates reading and writing."""

    def __init__(self) -> None:
        self._ends_at = 0
        self._counts: dict[str, int] = {}

    def hit(self, terms: Terms, counted: Counted) -> None:
        """Count one request, and call `counted` before returning."""
        limit = terms.tenant_limit or DEFAULT_REQUESTS_PER_HOUR
        left = self._ends_at - int(time.time())
        if not 0 < left <= _WINDOW_SECONDS:  # also where the clock was set back
            left = self._begin_hour()
        tenant_id, own_limit = terms.tenant_id, terms.token_limit
        hits = self._counts.get(tenant_id, 0) + 1
        if own_limit is not None:
            counted(self._hit_both(terms, limit, own_limit, left))
            return
        if hits <= limit:  # a denied request does not count
            self._set(tenant_id, hits)
        remaining = limit - hits if hits <= limit else 0
        # Bypasses the constructor of NamedTuple, which takes three times as long.
        count = (hits > limit, limit, remaining, left, TENANT, None)
        counted(tuple.__new__(Count, count))

    def _hit_both(self, terms: Terms, limit: int, own_limit: int, left: int) -> Count:
        tenant_hits = self._counts.get(terms.tenant_id, 0)
        token_hits = self._counts.get(terms.token_id, 0)
        passes = tenant_hits < limit and token_hits < own_limit
        if passes:
            self._set(terms.tenant_id, tenant_hits + 1)
            self._set(terms.token_id, token_hits + 1)
        return _tighter(passes, (limit, tenant_hits), (own_limit, token_hits), left)

    def _set(self, key: str, hits: int) -> None:
        if hits == 1 and len(self._counts) >= _MAX_COUNTS:
            del self._counts[next(iter(self._counts))]
        self._counts[key] = hits

    async def close(self) -> None:
        """Do nothing: memory has no connections."""

    def _begin_hour(self) -> int:
        """Start a window; gives the seconds until it ends."""
        now = int(time.time())
        left = _WINDOW_SECONDS - now % _WINDOW_SECONDS
        self._ends_at, self._counts = now + left, {}
        return left


class RedisRateLimiter:
    """Counts for all instances that share a store."""

    def __init__(self, url: str) -> None:
        # Few connections, which requests wait for: to open hundreds at once takes too long.
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=_ANSWER_SECONDS,
            socket_timeout=_ANSWER_SECONDS,
            socket_connect_timeout=_ANSWER_SECONDS,
        )
        self._client = Redis.from_pool(pool)
        self._script = self._client.register_script(_COUNT)
        self._skipped_until = 0.0
        self._asking: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Close the connections to the store."""
        await self._client.aclose()

    def hit(self, terms: Terms, counted: Counted) -> None:
        """Count one request, and call `counted` as soon as the store answers."""
        asking = asyncio.get_running_loop().create_task(self._hit(terms, counted))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

    async def _hit(self, terms: Terms, counted: Counted) -> None:
        counted(await self._count(terms))

    async def _count(self, terms: Terms) -> Count | None:
        now = asyncio.get_running_loop().time()
        if now < self._skipped_until:
            RATE_LIMIT_STORE_ERRORS.inc()
            return None
        hour, since = divmod(int(time.time()), _WINDOW_SECONDS)
        limits = [terms.tenant_limit or DEFAULT_REQUESTS_PER_HOUR]
        # In braces: Redis Cluster keeps both keys on one node.
        keys = [f"tessera:{{{terms.tenant_id}}}:{hour}"]
        if terms.token_limit is not None:
            limits.append(terms.token_limit)
            keys.append(f"{keys[0]}:{terms.token_id}")
        try:
            passes, *hits = await self._script(keys, [_WINDOW_SECONDS, *limits])
        except (RedisError, OSError, TimeoutError) as error:
            RATE_LIMIT_STORE_ERRORS.inc()
            if self._skipped_until <= now:  # log once for all requests that waited together
                self._skipped_until = now + _SKIP_SECONDS
                told = "rate limits are not enforced: their store does not answer"
                _log.error(told, exc_info=error)
            return None
        counted = list(zip(limits, hits, strict=True))
        own = counted[1] if len(counted) > 1 else None
        return _tighter(bool(passes), counted[0], own, _WINDOW_SECONDS - since)


def _tighter(
    passes: bool, tenant: tuple[int, int], token: tuple[int, int] | None, left: int
) -> Count:
    """The count of the tighter limit; `tenant` and `token` are limits and requests before this."""
    counted = 1 if passes else 0
    remaining = max(0, tenant[0] - tenant[1] - counted)
    if token is None:
        return Count(not passes, tenant[0], remaining, left)
    own_remaining = max(0, token[0] - token[1] - counted)
    if own_remaining <= remaining:
        return Count(not passes, token[0], own_remaining, left, TOKEN, (TENANT, tenant[0]))
    return Count(not passes, tenant[0], remaining, left, TENANT, (TOKEN, token[0]))
