"""Whose rows the running task reaches, where PostgreSQL's row-level security is on.

Each transaction names it to the database. A task that names nothing reaches no tenant's rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

# The setting that the policies read. It is set for one transaction, never for a session: behind a
# pooler, the next transaction of the session may be another client's.
SETTING = "tessera.tenant"
# No tenant has it: ids of tenants are version 7 UUIDs.
EVERY_TENANT = UUID(int=2**128 - 1)

_REACHED: ContextVar[UUID | None] = ContextVar("whose rows the task reaches", default=None)


@contextmanager
def reaching(tenant_id: UUID) -> Iterator[None]:
    """Let the block reach the rows of one tenant, and no others."""
    # A client's text may hold the id, such as the secret of a session.
    with reaching_as(None if tenant_id == EVERY_TENANT else tenant_id):
        yield


@contextmanager
def reaching_every_tenant() -> Iterator[None]:
    """Let the block reach the rows of all tenants: for work of the operator, or across tenants."""
    with reaching_as(EVERY_TENANT):
        yield


def reached() -> UUID | None:
    """Whose rows the running task reaches: a tenant's id, `EVERY_TENANT`, or None for nobody's."""
    return _REACHED.get()


@contextmanager
def reaching_as(tenant_id: UUID | None) -> Iterator[None]:
    """Let the block reach what `reached` gave elsewhere."""
    token = _REACHED.set(tenant_id)
    try:
        yield
    finally:
        _REACHED.reset(token)
