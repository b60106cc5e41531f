"""A token's trial under way: the type, and its loading. `trial_changes` has the mutations."""

from collections.abc import Sequence
from dataclasses import field
from typing import Any

import strawberry

import models
from server.graphql.admins import Admin, find_admins
from server.graphql.basics import DateTime
from server.graphql.context import Context
from server.graphql.loading import loaded
from server.graphql.metering import MAX_OBJECTS, TooLargeError
from server.graphql.permissions import Permission, shown_permissions
from server.graphql.weights import counts_as
from server.operations import tokens, trials
from server.operations.trials import Denied

_MAX_INT = 2**31 - 1
_Rows = Sequence[models.TokenTrial]


@strawberry.type(description="A client whose requests a trial would have denied.")
class TrialClient:
    address: str = strawberry.field(
        description="The address it came from, as reported by the gateway."
    )
    user_agent: str = strawberry.field(description="The client's `User-Agent`.")
    count: int = strawberry.field(description="How many requests it made.")
    last_at: DateTime = strawberry.field(
        description="When it made the last one, accurate to seconds."
    )


@strawberry.type(description="The requests for one permission that a trial would have denied.")
class TrialDenials:
    permission: Permission = strawberry.field(description="The permission.")
    count: int = strawberry.field(description="How many requests, of all clients.")
    last_at: DateTime = strawberry.field(description="When the last one was made.")
    clients: list[TrialClient] = strawberry.field(
        description="The clients that made them, the latest first. The latest 100 of a token are"
        " kept.",
        metadata=counts_as(5),
    )


async def _load_starters(context: Context, rows: _Rows) -> list[Admin | None]:
    found = await context.load_distinct(find_admins, (row.started_by_id for row in rows))
    return [found[row.started_by_id] for row in rows]


async def _load_withheld(context: Context, rows: _Rows) -> list[list[Permission]]:
    keys = await trials.withheld(context.principal, [row.id for row in rows], MAX_OBJECTS + 1)
    if sum(map(len, keys.values())) > MAX_OBJECTS:
        raise TooLargeError
    return [shown_permissions(context.service.catalogue, keys[row.id]) for row in rows]


async def _load_kept(context: Context, rows: _Rows) -> list[list[Permission]]:
    withheld = await _load_withheld(context, rows)
    held = await tokens.permission_keys(
        context.principal, [row.id for row in rows], MAX_OBJECTS + 1
    )
    if sum(map(len, held.values())) > MAX_OBJECTS:
        raise TooLargeError
    kept = []
    for row, left_out in zip(rows, withheld, strict=True):
        keys = {one.key for one in left_out}
        shown = shown_permissions(context.service.catalogue, held[row.id])
        kept.append([one for one in shown if one.key not in keys])
    return kept


async def _load_denied(context: Context, rows: _Rows) -> list[list[TrialDenials]]:
    ids = [row.id for row in rows]
    found = await trials.denied(context.principal, ids, MAX_OBJECTS + 1)
    if sum(1 + len(one.clients) for of_one in found.values() for one in of_one) > MAX_OBJECTS:
        raise TooLargeError
    return [[_shown_denied(context, one) for one in found[token_id]] for token_id in ids]


@strawberry.type(
    description="A running trial of fewer permissions. The token's own permissions still decide; "
    "the requests that fewer permissions would deny are counted. A permission that is granted "
    "meanwhile is kept by the trial; one that is withdrawn leaves the trial."
)
class Trial:
    started_at: DateTime = strawberry.field(description="When it started.")
    started_by: Admin | None = loaded(
        _load_starters,
        description="The admin who started it, removed admins included. Null if no record of them "
        "is kept.",
    )
    until: DateTime = strawberry.field(
        description="The instant at which it is dropped automatically, without any change."
    )
    row: strawberry.Private[models.TokenTrial]
    loaded_values: strawberry.Private[dict[str, Any]] = field(default_factory=dict)
    permissions: list[Permission] = loaded(
        _load_kept,
        description="The permissions that the token keeps if the trial is enforced, in the grid's"
        " order, retired ones last.",
        metadata=counts_as(20),
    )
    withheld: list[Permission] = loaded(
        _load_withheld,
        description="The permissions that the token loses if the trial is enforced.",
        metadata=counts_as(20),
    )
    would_have_denied: int = loaded(
        _load_denied,
        lambda denied: min(sum(one.count for one in denied), _MAX_INT),
        description="How many allowed requests it would have denied. They are counted within "
        "seconds.",
    )
    by_permission: list[TrialDenials] = loaded(
        _load_denied,
        description="The same by permission, the most frequent first.",
        metadata=counts_as(10),
    )


async def load_trials(
    context: Context, rows: Sequence[models.Token]
) -> list[models.TokenTrial | None]:
    """Return the trial of each token that is under way, else None."""
    found = await trials.under_way(context.principal, rows)
    return [found.get(row.id) for row in rows]


def shown_trial(row: models.TokenTrial | None) -> Trial | None:
    """Map a trial to its GraphQL type."""
    if row is None:
        return None
    return Trial(started_at=DateTime(row.created_at), until=DateTime(row.until), row=row)


def _shown_denied(context: Context, denied: Denied) -> TrialDenials:
    [permission] = shown_permissions(context.service.catalogue, [denied.key])
    return TrialDenials(
        permission=permission,
        count=min(denied.requests, _MAX_INT),
        last_at=DateTime(denied.last_at),
        clients=[
            TrialClient(
                address=one.address,
                user_agent=one.user_agent,
                count=min(one.requests, _MAX_INT),
                last_at=DateTime(one.last_at),
            )
            for one in denied.clients
        ],
    )
