"""Whose rows the running task reaches, where PostgreSQL's row-level security is on.

Each transaction names it to the database. A task that names nothing reaches no tenant's rows.
"""

from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from uuid import UUID

# The setting that the policies read. It is set for one transaction, never for a session: behind a
# pooler, the next transaction of the session may be another client's.
SETTING = "tessera.tenant"
# No tenant has it: ids of tenants are version 7 UUIDs.
EVERY_TENANT = UUID(int=2**128 - 1)

_REACHED: ContextVar[UUID | None] = ContextVar("whose rows the task reaches", default=None)


def reaching(tenant_id: UUID) -> AbstractContextManager[None]:
    """Let the block reach the rows of one tenant, and no others."""
    # A client's text may hold the id, such as the secret of a session.
    return _Reaching(None if tenant_id == EVERY_TENANT else tenant_id)


def reaching_every_tenant() -> AbstractContextManager[None]:
    """Let the block reach the rows of all tenants: for work of the operator, or across tenants."""
    return _Reaching(EVERY_TENANT)


def reached() -> UUID | None:
    """Whose rows the running task reaches: a tenant's id, `EVERY_TENANT`, or None for nobody's."""
    return _REACHED.get()


def reaching_as(tenant_id: UUID | None) -> AbstractContextManager[None]:
    """Let the block reach what `reached` gave elsewhere."""
    return _Reaching(tenant_id)


class _Reaching(AbstractContextManager[None]):
    """A block of a task. Stands around each request: a generator would take twice as long."""

    __slots__ = ("_before", "_tenant_id")

    def __init__(self, tenant_id: UUID | None) -> None:
        self._tenant_id = tenant_id
        self._before: Token[UUID | None]

    def __enter__(self) -> None:
        self._before = _REACHED.set(self._tenant_id)

    def __exit__(self, *_: object) -> None:
        _REACHED.reset(self._before)
