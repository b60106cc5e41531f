"""Operations on the versions of the API's document: adopting them, their changes, and the affected
tokens.

`server.jobs.catalogue_changes` notifies tenants of a version.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import models
from models import ActivityKind
from server.access import permission_holders
from server.access.activity import record
from server.access.adopted_versions import newest
from server.access.principal import Operator, Principal
from server.access.reading import owned_rows
from server.access.tenancy import change, owned, page_of, tenants_in_portions
from server.catalogue import Catalogue
from server.catalogue.versions import (
    NO_CHANGES,
    Changes,
    Operations,
    compare,
    fingerprint_of,
    fingerprints_in,
    operations_of,
    packed,
    unpacked,
)
from server.database import database_now, retried
from server.errors import Misconfigured, NotFound
from server.global_ids import encode_id
from server.paging import Page, PageRequest
from server.roles import Right

MAX_AFFECTED_SHOWN = 100
MAX_NOTICES = 10
# Of several instances that adopt at once, each but one finds the number taken, and looks again.
_MAX_TRIES = 20
# Instances with the version before may still start so long after a version was adopted.
ROLLING_START = timedelta(hours=1)
_MAX_KEYS_NAMED = 5
_TENANTS, _LOOKUPS = 500, 20_000
# Without the operations, which are large.
_COLUMNS = (
    *("id", "created_at", "number", "fingerprint"),
    *("changes", "affected", "announced_at"),
)


@dataclass(frozen=True, slots=True)
class Notice:
    """The notice of a version that the tenant was sent."""

    affected_tokens: int
    is_dismissed: bool


async def adopt(operator: Operator, catalogue: Catalogue, *, accepts_removals: bool) -> None:
    """Make the document that is about to be served the newest version, if it is a new one.

    Raises `Misconfigured` if it takes permissions of the newest version from live tokens, unless
    `accepts_removals`. This applies to an earlier version too, except the previous one in a rolling
    start.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    fingerprint = fingerprint_of(catalogue)
    for _ in range(_MAX_TRIES):
        last = await newest()
        if last is not None and last.fingerprint == fingerprint:
            return
        is_earlier = await models.CatalogueVersion.filter(fingerprint=fingerprint).exists()
        if is_earlier and last is not None and await _is_rolling_start(fingerprint, last):
            return
        number = last.number + 1 if last else 1
        before = unpacked(last.operations) if last else {}
        after = operations_of(catalogue, number, before)
        changes = compare(before, after) if last else NO_CHANGES
        if not accepts_removals:
            await _require_nothing_taken(changes)
        if is_earlier:
            return
        await _add(number, fingerprint, after, changes, last)


async def _is_rolling_start(fingerprint: bytes, last: models.CatalogueVersion) -> bool:
    before = models.CatalogueVersion.filter(number=last.number - 1, fingerprint=fingerprint)
    is_recent = last.created_at > await database_now() - ROLLING_START
    return is_recent and await before.exists()


async def _add(
    number: int,
    fingerprint: bytes,
    operations: Operations,
    changes: Changes,
    last: models.CatalogueVersion | None,
) -> None:
    """Add the version, unless another instance has added one of that number."""
    at = await database_now()
    version_id = models.new_id()
    if last is not None and version_id <= last.id:
        version_id = UUID(int=last.id.int + 1)  # pages follow the ids, whatever the clocks say
    version = models.CatalogueVersion(
        id=version_id,
        created_at=at,
        number=number,
        fingerprint=fingerprint,
        operations=packed(operations),
        changes=changes.kept(),
        affected=changes.affected,
        announced_at=None if any(changes.counts().values()) else at,
    )
    await models.CatalogueVersion.bulk_create([version], ignore_conflicts=True)
    # Only the newest is compared with.
    older = models.CatalogueVersion.filter(number__lt=number, operations__isnull=False)
    await older.update(operations=None)


async def _require_nothing_taken(changes: Changes) -> None:
    """Raises `Misconfigured` with the permissions that live tokens would lose, and their number."""
    fingerprints = fingerprints_in(changes.affected)
    if not fingerprints:
        return
    tokens, tenants, keys = 0, 0, set[str]()
    size = max(1, min(_TENANTS, _LOOKUPS // len(fingerprints)))
    async for tenant_ids in tenants_in_portions(size):
        found = await permission_holders.count(tenant_ids, fingerprints)
        if found[0]:
            tokens, tenants = tokens + found[0], tenants + found[1]
            keys |= set(await permission_holders.keys(tenant_ids, fingerprints, len(fingerprints)))
    if not tokens:
        return
    named = "; ".join(sorted(keys)[:_MAX_KEYS_NAMED])
    more = f"; and {len(keys) - _MAX_KEYS_NAMED} more" if len(keys) > _MAX_KEYS_NAMED else ""
    raise Misconfigured(
        f"The API's document takes {len(keys)} permissions from {tokens} live tokens of"
        f" {tenants} tenants: {named}{more}. `tessera catalogue check FILE` names the tokens."
        " To serve it nevertheless, start once with --accept-removals."
    )


async def changes_to_newest(operator: Operator, catalogue: Catalogue) -> Changes:
    """The differences of a document to the newest version; none before an instance has served."""
    operator.require(Right.MANAGE_INSTALLATION)
    last = await newest()
    if last is None:
        return NO_CHANGES
    before = unpacked(last.operations)
    return compare(before, operations_of(catalogue, last.number + 1, before))


async def page(principal: Principal, request: PageRequest) -> Page[models.CatalogueVersion]:
    """The versions, newest first. They are the same for all tenants."""
    principal.require(Right.READ)
    return await page_of(models.CatalogueVersion, request, newest_first=True)


async def find_many(
    principal: Principal, ids: Collection[UUID]
) -> dict[UUID, models.CatalogueVersion]:
    """The versions among `ids`."""
    principal.require(Right.READ)
    found = models.CatalogueVersion.filter(id__in=list(ids)).only(*_COLUMNS)
    return {row.id: row for row in await found}


async def notices(principal: Principal, version_ids: Collection[UUID]) -> dict[UUID, Notice]:
    """The notices of these versions that the tenant was sent; versions without one are missing."""
    principal.require(Right.READ)
    told = await owned_rows(models.CatalogueNotice, principal, version_id__in=version_ids)
    return {
        row.version_id: Notice(row.affected_tokens, row.dismissed_at is not None) for row in told
    }


async def undismissed(principal: Principal) -> list[models.CatalogueVersion]:
    """The versions that the tenant was notified of and no admin has dismissed, newest first."""
    principal.require(Right.READ)
    open_ones = owned(models.CatalogueNotice, principal).filter(dismissed_at__isnull=True)
    rows = await open_ones.order_by("-version_id").limit(MAX_NOTICES)
    found = await find_many(principal, [row.version_id for row in rows])
    return [found[row.version_id] for row in rows]


async def affected_tokens(principal: Principal, version: models.CatalogueVersion) -> list[UUID]:
    """The ids of the tenant's live tokens that hold a permission which the version removed: the
    newest 100.
    """
    principal.require(Right.READ)
    fingerprints = fingerprints_in(version.affected)
    if not fingerprints:
        return []
    return await permission_holders.token_ids(principal.tenant_id, fingerprints, MAX_AFFECTED_SHOWN)


@retried
async def dismiss(principal: Principal, version_id: UUID) -> models.CatalogueVersion:
    """Show the notice of a version to the tenant's admins no more.

    Raises `NotFound` for a version that the tenant was not notified of.
    """
    principal.require(Right.MANAGE_TOKENS)
    async with change(principal, Right.MANAGE_TOKENS):
        own = owned(models.CatalogueNotice, principal).filter(version_id=version_id)
        notice = await own.select_for_update().get_or_none()
        if notice is None:
            raise NotFound
        if notice.dismissed_at is None:
            notice.dismissed_at = await database_now()
            await notice.write("dismissed_at")
            tenant = await models.Tenant.get(id=principal.tenant_id)
            version = encode_id("CatalogueVersion", version_id)
            await record(
                principal, ActivityKind.CATALOGUE_NOTICE_DISMISSED, tenant, version=version
            )
    return (await find_many(principal, [version_id]))[version_id]
