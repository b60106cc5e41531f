"""Trials: a narrower set of permissions that denies nothing until it is enforced or dropped.

The token's own permissions decide while a trial runs. The requests that the narrower set would have
denied are counted by permission and client.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import models
from models import ActivityKind, TokenTrial
from server.access.activity import record
from server.access.live_token import locked, save
from server.access.permission_keys import named_keys, shape_of_key
from server.access.principal import Principal
from server.access.tenancy import change
from server.conditions import to_milliseconds
from server.database import database_now, retried
from server.decisions import trials
from server.errors import InvalidInput, TrialUnderWay
from server.operations.tokens import permission_keys
from server.roles import Right

DEFAULT_DAYS = 14
MAX_DAYS = 90


@dataclass(frozen=True, slots=True)
class Client:
    """A client whose requests a trial would have denied."""

    address: str
    user_agent: str
    requests: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Denied:
    """The requests for one permission that a trial would have denied.

    clients: the latest first; those that have not called for longest may be missing.
    """

    key: str
    requests: int
    last_at: datetime
    clients: tuple[Client, ...]


@retried
async def start(
    principal: Principal,
    token_id: UUID,
    permissions: Sequence[str],
    days: int = DEFAULT_DAYS,
    if_revision: int | None = None,
) -> models.Token:
    """Try whether a live token does with only these of its permissions, for so many days.

    Raises `InvalidInput` for a permission that the token lacks, or where none is left out;
    `NotFound`, `RevisionConflict`, or `TrialUnderWay`.
    """
    principal.require(Right.MANAGE_TOKENS)
    if not 1 <= days <= MAX_DAYS:
        raise InvalidInput("days", f"A trial takes 1 to {MAX_DAYS} days.")
    async with change(principal, Right.MANAGE_TOKENS):
        token = await locked(principal, token_id, if_revision)
        at = to_milliseconds(await database_now())
        if await trials.current(token, at) is not None:
            raise TrialUnderWay(token)
        held = (await permission_keys(principal, [token.id]))[token.id]
        withheld = _left_out(held, permissions)
        until = at + timedelta(days=days)
        await trials.start(token, withheld, until, principal.actor.id, at)
        await save(token)
        details = {"withheld": withheld, "until": until.isoformat()}
        await record(principal, ActivityKind.TRIAL_STARTED, token, **details)
    return token


@retried
async def enforce(
    principal: Principal, token_id: UUID, if_revision: int | None = None
) -> models.Token:
    """Withdraw from a live token the permissions that its trial withholds, and end the trial.

    Raises `InvalidInput` where no trial is under way, `NotFound`, or `RevisionConflict`.
    """
    principal.require(Right.MANAGE_TOKENS)
    async with change(principal, Right.MANAGE_TOKENS):
        token = await locked(principal, token_id, if_revision)
        trial = await trials.current(token, await database_now())
        if trial is None:
            raise InvalidInput("tokenId", "No trial is under way. Start another one.")
        withdrawn = await trials.withheld_keys(token)
        found = await trials.outcome(token, withdrawn)
        await trials.enforce(token)
        await save(token)
        details = {"granted": [], "withdrawn": withdrawn, **found}
        await record(principal, ActivityKind.TRIAL_ENFORCED, token, **details)
    return token


@retried
async def drop(
    principal: Principal, token_id: UUID, if_revision: int | None = None
) -> models.Token:
    """End the trial of a live token, which keeps its permissions. Without a trial, change nothing.

    Raises `NotFound` or `RevisionConflict`.
    """
    principal.require(Right.MANAGE_TOKENS)
    async with change(principal, Right.MANAGE_TOKENS):
        token = await locked(principal, token_id, if_revision)
        if await trials.current(token, await database_now()) is not None:
            details = await trials.outcome(token, await trials.withheld_keys(token))
            await trials.drop(token)
            await save(token)
            await record(principal, ActivityKind.TRIAL_DROPPED, token, **details)
    return token


async def under_way(principal: Principal, tokens: Sequence[models.Token]) -> dict[UUID, TokenTrial]:
    """The trials of these tokens that are under way, by the database's clock."""
    principal.require(Right.READ)
    live = [token.id for token in tokens if token.is_live]
    return await trials.under_way(principal.tenant_id, live) if live else {}


async def withheld(
    principal: Principal, token_ids: Collection[UUID], max_keys: int
) -> dict[UUID, list[str]]:
    """The keys that the trial of each of these tokens withholds; at most `max_keys` of them."""
    principal.require(Right.READ)
    return await trials.withheld_of(principal.tenant_id, token_ids, max_keys)


async def denied(
    principal: Principal, token_ids: Collection[UUID], max_rows: int
) -> dict[UUID, list[Denied]]:
    """The would-be denials of the trial of each of these tokens, the most frequent first.

    Reads at most `max_rows` permissions and clients.
    """
    principal.require(Right.READ)
    keys = await trials.withheld_of(principal.tenant_id, token_ids, max_rows)
    rows = await trials.denials_of(principal.tenant_id, token_ids, max_rows)
    return {one: _by_permission(keys[one], rows[one]) for one in token_ids}


def _left_out(held: Collection[str], permissions: Sequence[str]) -> list[str]:
    """The held keys that `permissions` leave out, in order. Raises `InvalidInput`."""
    shapes = {shape_of_key(key) for key in held}
    lacking = [key for key in dict.fromkeys(permissions) if shape_of_key(key) not in shapes]
    if lacking:
        names = named_keys(lacking, permissions)
        raise InvalidInput("permissions", f"The token does not hold: {names}.")
    kept = set(map(shape_of_key, permissions))
    left_out = sorted(key for key in held if shape_of_key(key) not in kept)
    if not left_out:
        raise InvalidInput("permissions", "Leave out at least one permission of the token.")
    return left_out


def _by_permission(keys: Sequence[str], denials: Sequence[models.TrialDenial]) -> list[Denied]:
    by_shape: dict[str, list[models.TrialDenial]] = {models.shape_of(key): [] for key in keys}
    for row in denials:
        # A permission that was withdrawn meanwhile has left the trial, with its denials.
        if (of_one := by_shape.get(models.shape_of(row.key))) is not None:
            of_one.append(row)
    found = [_denied(rows) for rows in by_shape.values() if rows]
    return sorted(found, key=lambda one: (-one.requests, one.key))


def _denied(rows: Sequence[models.TrialDenial]) -> Denied:
    """rows: of one permission, the latest first, also where its parameters have changed names."""
    clients = [
        Client(row.address, row.user_agent, row.requests, row.last_at)
        for row in rows
        if row.address
    ]
    requests = sum(row.requests for row in rows)
    return Denied(rows[0].key, requests, rows[0].last_at, tuple(clients))
