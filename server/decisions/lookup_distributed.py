"""The lookup of secrets in PostgreSQL that is distributed by tenant: one node for each query.

A query is about one tenant, so that a node that is down stops the checks of its own tenants alone.
The id of a tenant is found by its slug first, and kept: a slug names one tenant until that tenant
is deleted. Nothing else is kept.
"""
# ruff: noqa: S608 - the statements are made of constants

from typing import Any
from uuid import UUID

from server.database import READ_ONLY, WIRE_CONNECTIONS, ReadOnlyDatabase
from server.decisions.lookup_postgres import Batch, Pending, PostgresLookup, columns
from server.decisions.question import MAX_TOGETHER
from server.decisions.terms import CONDITIONS, MARKS, STATE, terms_of

_MAX_KNOWN = 100_000
_ID = f"""
    SELECT t.id, {READ_ONLY["postgres"]}
    FROM (SELECT 1) AS one LEFT JOIN tenant t ON t.slug = $1
"""
_MARKS = (
    MARKS["postgres"]
    .replace("p.tenant_id = t.id", "p.tenant_id = $1")
    .replace("q.fingerprint", "decode(q.fingerprint, 'hex')")
)
# The tenant's row is copied to every node, and read anew each time: it may be suspended. Each table
# of tenants' rows is compared with the value itself, and not with another table's column.
_FOUND = f"""
    SELECT q.place, {READ_ONLY["postgres"]}, found.*
    FROM unnest(string_to_array($2, ','), string_to_array($3, ',', ''),
                string_to_array($4, ','), string_to_array($5, ','))
         WITH ORDINALITY AS q(slug, region, digest, fingerprint, place)
    CROSS JOIN LATERAL (
        SELECT t.id::text, t.requests_per_hour, s.token_id::text,
            {STATE["postgres"]},
            CASE WHEN s.grants IS NULL
                 THEN EXISTS (SELECT 1 FROM token_permission p
                              WHERE p.tenant_id = $1 AND p.token_id = s.token_id
                                AND p.fingerprint = decode(q.fingerprint, 'hex'))
                 ELSE position(decode(q.fingerprint, 'hex') in s.grants) > 0 END,
            {CONDITIONS["postgres"]},
            {_MARKS}
        FROM tenant t JOIN token_secret s
            ON s.tenant_id = $1 AND s.digest = decode(q.digest, 'hex')
        WHERE t.id = $1 AND t.slug = q.slug AND (q.region IS NULL OR t.region = q.region)
        LIMIT 1) AS found
"""


class DistributedLookup(PostgresLookup):
    """Looks secrets up in queries about one tenant each, of which several are under way."""

    def __init__(self, pool: Any) -> None:
        super().__init__(pool)
        self._known: dict[str, UUID] = {}

    def _wants_another(self, _now: float) -> bool:
        return len(self._running) < WIRE_CONNECTIONS

    def _next_batch(self) -> Batch:
        """The questions about the tenant that was asked about first."""
        slug = self._waiting[0].question[0]
        taken: list[Pending] = []
        left: list[Pending] = []
        for pending in self._waiting:
            is_of_tenant = pending.question[0] == slug and len(taken) < MAX_TOGETHER
            (taken if is_of_tenant else left).append(pending)
        self._waiting = left
        if left and self._wants_another(0.0):
            # Their node may answer while this one's does not.
            self._start()
        return _OfTenant(taken, self._known)


class _OfTenant(Batch):
    """Lookups in one tenant. known: the ids of tenants by their slugs."""

    __slots__ = ("_known", "_slug")

    def __init__(self, pending: list[Pending], known: dict[str, UUID]) -> None:
        super().__init__(pending)
        self._slug = pending[0].question[0]
        self._known = known

    async def ask(self, held: Any) -> None:
        """Give each receiver its result, by one query on a connection; or two."""
        known = self._known.get(self._slug)
        if known is not None:
            await self._ask_about(held, known)
        if self._unanswered():
            # Another tenant may have the slug since: the one before was deleted.
            now = await self._id(held)
            if now is not None and now != known:
                await self._ask_about(held, now)
        for pending in self._unanswered():
            pending.tell(None)

    async def _ask_about(self, held: Any, tenant_id: UUID) -> None:
        unanswered = self._unanswered()
        asking = [pending for pending in unanswered for _ in pending.question[2]]
        given = columns([pending.question for pending in unanswered])
        for place, is_read_only, *found in await held.fetch(_FOUND, tenant_id, *given):
            if is_read_only:
                raise ReadOnlyDatabase
            asking[place - 1].tell(terms_of(tuple(found)))

    async def _id(self, held: Any) -> UUID | None:
        tenant_id, is_read_only = (await held.fetch(_ID, self._slug))[0]
        if is_read_only:
            raise ReadOnlyDatabase
        if tenant_id is None:
            self._known.pop(self._slug, None)
            return None
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[self._slug] = found = UUID(str(tenant_id))
        return found

    def _unanswered(self) -> list[Pending]:
        return [pending for pending in self.pending if pending.receiver is not None]
