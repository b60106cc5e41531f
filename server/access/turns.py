"""Limits the requests of signed-in admins that are under way at once, for each admin and each
tenant. They are counted in each instance, in memory. A tenant beyond its limit waits for its own
requests, and takes neither time nor connections from others.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID
from weakref import WeakValueDictionary

from server.access.principal import SignedInAdmin
from server.errors import TooManyRequests

MAX_REQUESTS_PER_PERSON = 4
MAX_WAITING_PER_PERSON = 16
MAX_WAITING_PER_TENANT = 64
MAX_WAIT_SECONDS = 2.0
# One waits for the database while the other computes. More would not be answered sooner, and would
# take the connections and the processor from other tenants.
MAX_RUNNING_PER_TENANT = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    admin_id: UUID
    turn: asyncio.Future[None]


@dataclass(slots=True)
class _Tenant:
    """The requests of one tenant: those under way, counted by person, and those that wait."""

    under_way: Counter[UUID] = field(default_factory=Counter)
    waiting: deque[_Waiter] = field(default_factory=deque)


class Turns:
    """Admits requests in the order of their coming, as far as person and tenant may have more."""

    def __init__(self, per_tenant: int, *, wait_seconds: float = MAX_WAIT_SECONDS) -> None:
        self._per_tenant = per_tenant
        self._wait_seconds = wait_seconds
        self._tenants: dict[UUID, _Tenant] = {}

    @asynccontextmanager
    async def turn(self, principal: SignedInAdmin) -> AsyncIterator[None]:
        """Hold one of the principal's places. Raises `TooManyRequests` if none comes free soon."""
        tenant = self._tenants.setdefault(principal.tenant_id, _Tenant())
        try:
            await self._take(tenant, principal.admin_id)
            try:
                yield
            finally:
                self._give_back(tenant, principal.admin_id)
        finally:
            if not tenant.under_way and not tenant.waiting:
                self._tenants.pop(principal.tenant_id, None)

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way or waiting."""
        return not self._tenants

    async def _take(self, tenant: _Tenant, admin_id: UUID) -> None:
        if self._has_room(tenant, admin_id):
            tenant.under_way[admin_id] += 1
            return
        waiter = _Waiter(admin_id, asyncio.get_running_loop().create_future())
        self._queue(tenant, waiter)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await waiter.turn
        except BaseException as error:
            # The turn may have come in the same moment: it would be held for ever.
            if waiter.turn.done() and not waiter.turn.cancelled():
                self._give_back(tenant, admin_id)
            else:
                tenant.waiting.remove(waiter)
            if isinstance(error, TimeoutError):
                raise TooManyRequests from None
            raise

    def _has_room(self, tenant: _Tenant, admin_id: UUID) -> bool:
        return (
            tenant.under_way[admin_id] < MAX_REQUESTS_PER_PERSON
            and tenant.under_way.total() < self._per_tenant
        )

    def _queue(self, tenant: _Tenant, waiter: _Waiter) -> None:
        of_person = sum(other.admin_id == waiter.admin_id for other in tenant.waiting)
        if of_person >= MAX_WAITING_PER_PERSON or len(tenant.waiting) >= MAX_WAITING_PER_TENANT:
            raise TooManyRequests
        tenant.waiting.append(waiter)

    def _give_back(self, tenant: _Tenant, admin_id: UUID) -> None:
        """Free a place, and give it to who waits longest and may have it."""
        tenant.under_way[admin_id] -= 1
        if not tenant.under_way[admin_id]:
            del tenant.under_way[admin_id]
        for waiter in tenant.waiting:
            if not waiter.turn.done() and self._has_room(tenant, waiter.admin_id):
                tenant.waiting.remove(waiter)
                tenant.under_way[waiter.admin_id] += 1
                waiter.turn.set_result(None)
                return


class TenantSlots:
    """Limits how many requests of one tenant run at once, in the order of their coming."""

    def __init__(self, per_tenant: int = MAX_RUNNING_PER_TENANT) -> None:
        self._per_tenant = per_tenant
        # An entry lasts while a request holds it or waits for it.
        self._slots: WeakValueDictionary[UUID, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, tenant_id: UUID) -> asyncio.Semaphore:
        """The tenant's slots: an asynchronous context manager that holds one."""
        slots = self._slots.get(tenant_id)
        if slots is None:
            slots = self._slots[tenant_id] = asyncio.Semaphore(self._per_tenant)
        return slots
