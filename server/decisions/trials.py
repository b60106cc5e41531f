"""The states of a token's trial, and the effect of each event on the rows of checks.

A trial withholds some of the permissions that a token holds. They still allow requests, and each
use of one is counted as a would-be denial. `is_withheld` marks their rows. A permission that is
granted while the trial runs is not withheld; one that is withdrawn leaves the trial with its row.

Every function but the readers runs in the transaction of the change, with the token's row locked.
Only the clock ends a trial. The token's next change records that, or `ended_trials` within minutes.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.queryset import QuerySet

import models
from models import ActivityKind, TokenPermission, TokenTrial, TrialDenial
from server.access.activity import record
from server.access.principal import SYSTEM
from server.access.reading import rows
from server.database import database_now
from server.decisions import terms

# PostgreSQL takes at most 32,767 parameters in a statement.
_KEYS_AT_ONCE = 1_000


async def under_way(tenant_id: UUID, token_ids: Collection[UUID]) -> dict[UUID, TokenTrial]:
    """The trials of these tokens that are under way, by the database's clock."""
    found = await rows(TokenTrial, tenant_id=tenant_id, id__in=token_ids)
    if not found:
        return {}
    at = await database_now()
    return {trial.id: trial for trial in found if trial.is_under_way(at)}


async def current(token: models.Token, at: datetime) -> TokenTrial | None:
    """The trial of a live token under way. One that the clock has ended is dropped."""
    trial = await TokenTrial.get_or_none(tenant_id=token.tenant_id, id=token.id)
    if trial is None or trial.is_under_way(at):
        return trial
    await drop_ended(token)
    return None


async def start(
    token: models.Token, withheld: Sequence[str], until: datetime, started_by_id: UUID, at: datetime
) -> None:
    """Begin a trial that withholds these keys, which the token holds. None is under way."""
    # Counts that a flush wrote after the end of an earlier trial.
    await _forget_denials(token)
    for start_of_part in range(0, len(withheld), _KEYS_AT_ONCE):
        part = withheld[start_of_part : start_of_part + _KEYS_AT_ONCE]
        await _held_by(token).filter(key__in=part).update(is_withheld=True)
    await TokenTrial.create(
        tenant_id=token.tenant_id,
        id=token.id,
        created_at=at,
        until=until,
        started_by_id=started_by_id,
    )
    await terms.write_trial(token, withheld, until)


async def follow(token: models.Token) -> None:
    """Write the trial's part of the terms after permissions were withdrawn."""
    trial = await TokenTrial.get_or_none(tenant_id=token.tenant_id, id=token.id)
    if trial is not None:
        await terms.write_trial(token, await withheld_keys(token), trial.until)


async def withheld_keys(token: models.Token) -> list[str]:
    """The keys that the token holds and its trial withholds, in order."""
    rows = await _held_by(token).filter(is_withheld=True).only("id", "key")
    return sorted(row.key for row in rows)


async def withheld_of(
    tenant_id: UUID, token_ids: Collection[UUID], max_keys: int
) -> dict[UUID, list[str]]:
    """As `withheld_keys`, of each of these tokens; reads at most `max_keys`, in no order."""
    rows = TokenPermission.filter(
        tenant_id=tenant_id, token_id__in=list(token_ids), is_withheld=True
    )
    found: dict[UUID, list[str]] = {token_id: [] for token_id in token_ids}
    for token_id, key in await rows.limit(max_keys).values_list("token_id", "key"):
        found[token_id].append(key)
    return found


async def denials_of(
    tenant_id: UUID, token_ids: Collection[UUID], max_rows: int
) -> dict[UUID, list[TrialDenial]]:
    """The would-be denials of these tokens, the latest first; reads at most `max_rows`."""
    rows = await TrialDenial.filter(tenant_id=tenant_id, token_id__in=list(token_ids)).limit(
        max_rows
    )
    found: dict[UUID, list[TrialDenial]] = {token_id: [] for token_id in token_ids}
    for row in sorted(rows, key=lambda row: (row.last_at, row.id), reverse=True):
        found[row.token_id].append(row)
    return found


async def outcome(token: models.Token, withheld: Collection[str]) -> dict[str, Any]:
    """The values that the audit trail keeps of an ended trial: the number of requests, and their
    permissions.
    """
    rows = TrialDenial.filter(tenant_id=token.tenant_id, token_id=token.id)
    shapes = set(map(models.shape_of, withheld))
    counted = [row for row in await rows if models.shape_of(row.key) in shapes]
    return {
        "wouldHaveDenied": sum(row.requests for row in counted),
        "needed": sorted({row.key for row in counted}),
    }


async def enforce(token: models.Token) -> None:
    """End the trial, and withdraw the withheld permissions."""
    await _held_by(token).filter(is_withheld=True).delete()
    left = await _held_by(token).only("id", "key")
    await terms.write_grants(token, sorted(row.key for row in left))
    await _end(token)


async def drop(token: models.Token) -> None:
    """End the trial. The token keeps its permissions."""
    await _held_by(token).filter(is_withheld=True).update(is_withheld=None)
    await _end(token)


async def drop_ended(token: models.Token) -> None:
    """Record that the clock has ended the trial of a live token, or delete that of a revoked one.

    The token's revision stays the same, because readers of the token knew the trial's end.
    """
    details = await outcome(token, await withheld_keys(token)) | {"byClock": True}
    await drop(token)
    if token.is_live:
        await record(SYSTEM, ActivityKind.TRIAL_DROPPED, token, **details)


async def _end(token: models.Token) -> None:
    await _forget_denials(token)
    await TokenTrial.filter(tenant_id=token.tenant_id, id=token.id).delete()
    await terms.end_trial(token)


async def _forget_denials(token: models.Token) -> None:
    await TrialDenial.filter(tenant_id=token.tenant_id, token_id=token.id).delete()


def _held_by(token: models.Token) -> QuerySet[TokenPermission]:
    return TokenPermission.filter(tenant_id=token.tenant_id, token_id=token.id)
