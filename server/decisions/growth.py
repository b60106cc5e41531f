"""Grants to tokens the operations of later documents in the categories that they follow.

In portions; the caller has a transaction for each.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from tortoise.expressions import F

import models
from models import ActivityKind
from server.access.activity import record
from server.access.principal import SYSTEM
from server.catalogue.versions import Operation
from server.decisions import terms

# Tokens that grow in one transaction.
AT_ONCE = 100


class Newest(NamedTuple):
    """The newest version: its number, and its operations by category."""

    number: int
    by_category: dict[str, list[Operation]]


async def tenants_behind(tenant_ids: Sequence[UUID], number: int) -> list[UUID]:
    """Those of the tenants with a token that lacks the permissions of version `number`."""
    behind = models.FollowedCategory.filter(tenant_id__in=list(tenant_ids), through__lt=number)
    rows = await behind.distinct().values("tenant_id")
    return sorted(row["tenant_id"] for row in rows)


async def grow_portions(tenant_id: UUID, newest: Newest) -> AsyncGenerator[None, None]:
    """Let the tokens of a tenant grow; yields after each portion of them.

    A token that somebody is changing is left to the next run.
    """
    behind = models.FollowedCategory.filter(tenant_id=tenant_id, through__lt=newest.number)
    last = UUID(int=0)
    while rows := await behind.filter(token_id__gt=last).order_by("token_id").limit(AT_ONCE):
        ids = {row.token_id for row in rows}
        last = max(ids)
        # The last token may have more rows than this portion has read.
        rows = await behind.filter(token_id__in=list(ids))
        await _grow(tenant_id, rows, newest)
        yield


async def _grow(tenant_id: UUID, rows: Sequence[models.FollowedCategory], newest: Newest) -> None:
    ids = {row.token_id for row in rows}
    found = models.Token.filter(tenant_id=tenant_id, id__in=list(ids))
    tokens = await found.order_by("id").select_for_update(skip_locked=True)
    held = await _held(tenant_id, [token.id for token in tokens])
    for token in tokens:
        own = [row for row in rows if row.token_id == token.id]
        if token.is_live:
            await _grant(token, held[token.id], own, newest)
        await models.FollowedCategory.filter(
            tenant_id=tenant_id, id__in=[row.id for row in own]
        ).update(through=newest.number)


async def _held(tenant_id: UUID, token_ids: Sequence[UUID]) -> dict[UUID, dict[bytes, str]]:
    """The keys that these tokens hold, by their fingerprints."""
    held: dict[UUID, dict[bytes, str]] = defaultdict(dict)
    rows = models.TokenPermission.filter(tenant_id=tenant_id, token_id__in=list(token_ids))
    for row in await rows:
        held[row.token_id][bytes(row.fingerprint)] = row.key
    return held


async def _grant(
    token: models.Token,
    held: dict[bytes, str],
    followed: Collection[models.FollowedCategory],
    newest: Newest,
) -> None:
    """Grant the locked token the operations that came after its last grant."""
    came = {
        models.permission_fingerprint(one.key): one
        for row in followed
        for one in newest.by_category.get(row.category, ())
        if one.since > row.through
    }
    granted = [one for fingerprint, one in came.items() if fingerprint not in held]
    if not granted:
        return
    keys = sorted(one.key for one in granted)
    await models.TokenPermission.bulk_create(
        [
            models.TokenPermission(tenant_id=token.tenant_id, token_id=token.id, key=key)
            for key in keys
        ]
    )
    await terms.write_grants(token, sorted([*held.values(), *keys]))
    await models.Token.filter(tenant_id=token.tenant_id, id=token.id).update(
        revision=F("revision") + 1
    )
    categories = sorted({one.category for one in granted})
    await record(SYSTEM, ActivityKind.PERMISSIONS_GREW, token, granted=keys, categories=categories)
