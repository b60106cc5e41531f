"""Settles a restored database: the operator supplies the revocations that it lacks, or accepts it
without any. Otherwise it would accept tokens that were revoked after its backup.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from uuid import UUID

import models
from models import ActivityKind
from server import database
from server.access import sessions
from server.access.principal import Operator, TenantOperator
from server.access.revocation_journal import Told, Unreadable, last_lines, told_in
from server.access.tenancy import tenants_in_portions
from server.database import retried, transaction
from server.errors import NotFound
from server.operations import tokens
from server.roles import Right
from server.settings import Settings

# Of the journal, looked at before the database is served: a restored database lacks the last ones.
_LAST_LINES = 500
_TENANTS, _TOKENS = 50, 500


async def require_settled(operator: Operator, settings: Settings) -> None:
    """Raises `Restored` where the database is restored, and the operator has not said how to go on.

    One that lacks a revocation of the journal is restored.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    if settings.revocations_file is not None:
        lines = last_lines(settings.revocations_file, _LAST_LINES)
        found = [told for told in map(_told, lines) if told is not None]
        if any([await _is_lost(told) for told in found]):
            await database.mark_restored()
    await database.require_settled()


async def mark(operator: Operator) -> None:
    """Note that the database was restored: it is not served before the operator has said more."""
    operator.require(Right.MANAGE_INSTALLATION)
    await database.mark_restored()


async def accept(operator: Operator) -> int:
    """Have the database served as it is now; ends all sessions, and gives of how many people.

    Some of the sessions had been ended after the backup.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    people = 0
    async for tenant_ids in tenants_in_portions(_TENANTS):
        signed_in = models.Session.filter(tenant_id__in=tenant_ids).order_by("tenant_id", "id")
        found = await signed_in.values_list("tenant_id", "admin_id")
        for tenant_id, admin_id in dict.fromkeys(found):
            people += await _end_sessions(operator, tenant_id, admin_id)
    await database.accept_restored()
    return people


async def replay(operator: Operator, lines: Iterable[bytes]) -> Counter[str]:
    """Revoke the tokens that these lines name. Returns the counts by outcome.

    `revoked`: now. `known`: revoked already, or without a row. `unreadable`: lines that could not
    be read. A token whose compromised secret was replaced after the backup is revoked: the database
    knows that secret alone. May be repeated where it was cut off.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    counts: Counter[str] = Counter(revoked=0, known=0, unreadable=0)
    nameless: list[Told] = []
    for line in lines:
        try:
            told = told_in(line)
        except Unreadable:
            counts["unreadable"] += 1
            continue
        if told is None:
            continue
        if told.tenant_id is not None:
            counts[await _revoke(operator, told)] += 1
        else:
            nameless.append(told)
        if len(nameless) == _TOKENS:
            counts += await _revoke_of_any_tenant(operator, nameless)
            nameless.clear()
    counts += await _revoke_of_any_tenant(operator, nameless)
    return counts


async def _revoke_of_any_tenant(operator: Operator, every: Collection[Told]) -> Counter[str]:
    """As `_revoke`, for lines that do not name the tenant."""
    by_token: dict[UUID, list[Told]] = {}
    for told in every:
        by_token.setdefault(told.token_id, []).append(told)
    counts: Counter[str] = Counter()
    async for tenant_ids in tenants_in_portions(_TENANTS):
        if not by_token:
            break
        found = models.Token.filter(tenant_id__in=tenant_ids, id__in=list(by_token))
        for token in await found.only("id", "tenant_id"):
            for told in by_token.pop(token.id):
                own = told._replace(tenant_id=token.tenant_id)
                counts[await _revoke(operator, own)] += 1
    counts["known"] += sum(map(len, by_token.values()))
    return counts


async def _revoke(operator: Operator, told: Told) -> str:
    """Revoke the token unless it is; gives the count that it belongs to."""
    if told.tenant_id is None or not await _is_lost(told):
        return "known"
    try:
        within = TenantOperator(told.tenant_id, operator.name)
        await tokens.revoke(within, told.token_id, told.reason)
    except NotFound:
        return "known"
    return "revoked"


async def _is_lost(told: Told) -> bool:
    """Whether the database has a token as live although its end was told."""
    if told.tenant_id is None:
        return False
    own = models.Token.filter(tenant_id=told.tenant_id, id=told.token_id, **models.LIVE)
    if not await own.exists():
        return False
    return not told.is_rotation or not await _has_rotation(told.tenant_id, told)


async def _has_rotation(tenant_id: UUID, told: Told) -> bool:
    trail = models.Activity.filter(tenant_id=tenant_id)
    first = await trail.order_by("id").first()
    if first is not None and told.sequence < first.sequence:
        return True  # so old that its activity was deleted
    rotations = trail.filter(subject_id=told.token_id, kind=ActivityKind.ROTATION_STARTED)
    return told.sequence in {row.sequence for row in await rotations.only("sequence")}


def _told(line: bytes) -> Told | None:
    try:
        return told_in(line)
    except Unreadable:
        return None


@retried
async def _end_sessions(operator: Operator, tenant_id: UUID, admin_id: UUID) -> int:
    async with transaction():
        own = models.Admin.filter(tenant_id=tenant_id, id=admin_id)
        admin = await own.select_for_update().get_or_none()
        if admin is None:
            return 0
        await sessions.end_sessions(operator.actor, admin)
    return 1
