"""The rate limiter: requests an hour of tenants, and of tokens with a limit of their own.

Counted in memory, in memory that all workers of an instance share, or in Redis for all instances.
Windows are hours of the clock, and exactly the limit passes in each. A request counts in both
limits or, if either is reached, in neither: in Redis one script does both. No library does that; in
memory, one would also take as long as a decision.
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
from server.workers import SharedCounts

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
    # The name of the limit in the header `RateLimit`, and the looser limit if there are two.
    name: str = TENANT
    looser: int | None = None


class Left(NamedTuple):
    """A limit, and the requests that are left of it in the present hour of the clock."""

    limit: int
    remaining: int


class Peeked(NamedTuple):
    """The limits of a tenant and of its token, as the next request would find them."""

    tenant: Left
    token: Left | None
    reset_seconds: int


# Takes the count; None while the store cannot be reached: then requests pass.
Counted = Callable[[Count | None], None]


class RateLimiter(Protocol):
    """Counts requests by tenant, and by token where it has a limit."""

    def hit(self, terms: Terms, counted: Counted) -> None:
        """Count one request, and call `counted` once: now, or as soon as the store answers."""

    async def peek(self, terms: Terms) -> Peeked | None:
        """The remaining requests, without counting; None while the store cannot be reached.

        May be called in any thread that runs an event loop.
        """

    async def is_up(self) -> bool:
        """Whether the store answers, if there is one."""

    async def close(self) -> None:
        """Close the connections to the store, if there are any."""


def rate_limiter(url: str | None, shared: SharedCounts | None = None) -> RateLimiter:
    """Counts in the Redis at `url`, else in the memory that workers share, else in its own."""
    if url:
        return RedisRateLimiter(url)
    return MemoryRateLimiter() if shared is None else SharedRateLimiter(shared)


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
        before, own_before = self._counts.get(tenant_id, 0), 0
        passes = before < limit
        if own_limit is not None:
            own_before = self._counts.get(terms.token_id, 0)
            passes = passes and own_before < own_limit
            if passes:
                self._set(terms.token_id, own_before + 1)
        if passes:  # a denied request does not count
            self._set(tenant_id, before + 1)
        counted(_count(passes, limit, before, own_limit, own_before, left))

    async def peek(self, terms: Terms) -> Peeked:
        """The remaining requests, without counting."""
        now = int(time.time())
        left, counts = self._ends_at - now, self._counts
        if not 0 < left <= _WINDOW_SECONDS:  # the next request begins an hour
            left, counts = _WINDOW_SECONDS - now % _WINDOW_SECONDS, {}
        hits = [counts.get(terms.tenant_id, 0), counts.get(terms.token_id, 0)]
        return _peeked(terms, hits, left)

    def _set(self, key: str, hits: int) -> None:
        if hits == 1 and len(self._counts) >= _MAX_COUNTS:
            del self._counts[next(iter(self._counts))]
        self._counts[key] = hits

    async def is_up(self) -> bool:
        """Memory always is."""
        return True

    async def close(self) -> None:
        """Do nothing: memory has no connections."""

    def _begin_hour(self) -> int:
        """Start a window; gives the seconds until it ends."""
        now = int(time.time())
        left = _WINDOW_SECONDS - now % _WINDOW_SECONDS
        self._ends_at, self._counts = now + left, {}
        return left


class SharedRateLimiter:
    """Counts for all workers of one instance."""

    def __init__(self, counts: SharedCounts) -> None:
        self._counts = counts
        self._waiting: list[tuple[Terms, Counted]] = []
        self._skipped_until = 0.0

    def hit(self, terms: Terms, counted: Counted) -> None:
        """Count one request in the loop's next turn, with the others of this turn."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._serve)
        self._waiting.append((terms, counted))

    async def peek(self, terms: Terms) -> Peeked:
        """The remaining requests, without counting."""
        hour, since = divmod(int(time.time()), _WINDOW_SECONDS)
        hits = self._counts.read(hour, [terms.tenant_id, terms.token_id])
        return _peeked(terms, hits, _WINDOW_SECONDS - since)

    async def is_up(self) -> bool:
        """Memory always is."""
        return True

    async def close(self) -> None:
        """Do nothing: the memory is that of other workers too."""

    def _serve(self) -> None:
        waiting, self._waiting = self._waiting, []
        hour, since = divmod(int(time.time()), _WINDOW_SECONDS)
        found = self._count(hour, [terms for terms, _ in waiting])
        for place, (terms, counted) in enumerate(waiting):
            if found is None:
                RATE_LIMIT_STORE_ERRORS.inc()
                counted(None)
                continue
            passes, hits = found[place]
            limit = terms.tenant_limit or DEFAULT_REQUESTS_PER_HOUR
            left = _WINDOW_SECONDS - since
            counted(_count(passes, limit, hits[0], terms.token_limit, hits[-1], left))

    def _count(self, hour: int, asked: list[Terms]) -> list[tuple[bool, list[int]]] | None:
        now = time.monotonic()
        if now < self._skipped_until:
            return None
        try:
            return self._counts.add(hour, [_wanted(terms) for terms in asked])
        except TimeoutError as error:
            self._skipped_until = now + _SKIP_SECONDS
            told = "rate limits are not enforced: another worker has stopped while counting"
            _log.error(told, exc_info=error)
            return None


class RedisRateLimiter:
    """Counts for all instances that share a store."""

    def __init__(self, url: str) -> None:
        self._url = url
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

    async def is_up(self) -> bool:
        """Whether the store answers."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return bool(await self._client.echo(b"up"))
        except (RedisError, OSError, TimeoutError):
            return False

    async def close(self) -> None:
        """Close the connections to the store."""
        await self._client.aclose()

    async def peek(self, terms: Terms) -> Peeked | None:
        """The remaining requests, without counting; None if the store does not answer."""
        hour, since = divmod(int(time.time()), _WINDOW_SECONDS)
        try:
            # Not by the pool, whose connections belong to another event loop.
            async with Redis.from_url(
                self._url, socket_timeout=_ANSWER_SECONDS, socket_connect_timeout=_ANSWER_SECONDS
            ) as client:
                hits = await client.mget(_keys(terms, hour))
        except (RedisError, OSError, TimeoutError):
            return None
        return _peeked(terms, [int(one or 0) for one in hits], _WINDOW_SECONDS - since)

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
        keys = _keys(terms, hour)
        if terms.token_limit is not None:
            limits.append(terms.token_limit)
        else:
            del keys[1]
        try:
            passes, *hits = await self._script(keys, [_WINDOW_SECONDS, *limits])
        except (RedisError, OSError, TimeoutError) as error:
            RATE_LIMIT_STORE_ERRORS.inc()
            if self._skipped_until <= now:  # log once for all requests that waited together
                self._skipped_until = now + _SKIP_SECONDS
                told = "rate limits are not enforced: their store does not answer"
                _log.error(told, exc_info=error)
            return None
        own_before = hits[1] if len(hits) > 1 else 0
        left = _WINDOW_SECONDS - since
        return _count(bool(passes), limits[0], hits[0], terms.token_limit, own_before, left)


def _wanted(terms: Terms) -> list[tuple[str, int]]:
    """The counters of a request: the tenant's, and the token's where it has a limit."""
    tenant = terms.tenant_id, terms.tenant_limit or DEFAULT_REQUESTS_PER_HOUR
    if terms.token_limit is None:
        return [tenant]
    return [tenant, (terms.token_id, terms.token_limit)]


def _keys(terms: Terms, hour: int) -> list[str]:
    """The keys of the tenant's count and of the token's.

    In braces: Redis Cluster keeps both on one node.
    """
    of_tenant = f"tessera:{{{terms.tenant_id}}}:{hour}"
    return [of_tenant, f"{of_tenant}:{terms.token_id}"]


def _peeked(terms: Terms, hits: list[int], left: int) -> Peeked:
    limit = terms.tenant_limit or DEFAULT_REQUESTS_PER_HOUR
    own = terms.token_limit
    return Peeked(
        Left(limit, max(0, limit - hits[0])),
        None if own is None else Left(own, max(0, own - hits[1])),
        left,
    )


def _count(
    passes: bool, limit: int, before: int, own_limit: int | None, own_before: int, left: int
) -> Count:
    """The count of the tighter limit.

    before, own_before: the requests of the tenant and of the token before this one. own_limit: the
    token's. left: the seconds until the window ends.
    """
    counted = 1 if passes else 0
    # `max` would take a tenth of the time of counting.
    remaining = limit - before - counted if before < limit else 0
    if own_limit is None:
        return _count_of((not passes, limit, remaining, left, TENANT, None))
    own_remaining = own_limit - own_before - counted if own_before < own_limit else 0
    if own_remaining <= remaining:
        return _count_of((not passes, own_limit, own_remaining, left, TOKEN, limit))
    return _count_of((not passes, limit, remaining, left, TENANT, own_limit))


def _count_of(columns: tuple[bool, int, int, int, str, int | None]) -> Count:
    """The count of these columns.

    Bypasses the constructor of NamedTuple, which takes three times as long.
    """
    return tuple.__new__(Count, columns)
