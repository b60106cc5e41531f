"""Compares a token's permissions with its use, and counts the requests that a set would deny."""

from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Annotated
from uuid import UUID

import strawberry

from server import catalogue
from server.global_ids import row_id
from server.graphql.basics import DateTime, described
from server.graphql.context import Info
from server.graphql.nodes import TokenId
from server.graphql.permissions import Permission, shown_permissions
from server.graphql.weights import counts_as
from server.operations import right_size
from server.operations.right_size import DEFAULT_DAYS
from server.rhythms import Rhythm

_MAX_INT = 2**31 - 1
# `right_size` and `preview` each read up to 400 days of counts: as dear as so many objects.
WEIGHT = 1_000
Days = Annotated[
    int,
    strawberry.argument(
        description="How many days of use are looked at, today included, in UTC: 1 to 400."
    ),
]
described(
    Rhythm,
    "The interval at which a permission is regularly used.",
    WEEKLY="Every week or two.",
    MONTHLY="Every month or so.",
    RARELY="At regular intervals of more than six weeks.",
)


@strawberry.type(description="How a token used one permission.")
class PermissionUse:
    permission: Permission = strawberry.field(description="The permission.")
    requests: int = strawberry.field(description="The requests that were allowed in the period.")
    first_used_at: DateTime | None = strawberry.field(
        description="When it was first used within the last 400 days; null if never."
    )
    last_used_at: DateTime | None = strawberry.field(
        description="When it was last used, within the period or before; null if never."
    )
    rhythm: Rhythm | None = strawberry.field(
        description="The intervals at which it is used, even if it was not used in the period. "
        "Null if it has none."
    )


@strawberry.type(description="The requests that a set of permissions would have denied.")
class WouldDeny:
    requests: int = strawberry.field(
        description="How many of the allowed requests it would have denied."
    )
    of: int = strawberry.field(description="How many requests were allowed in the period.")
    permissions: list[PermissionUse] = strawberry.field(
        description="The permissions of these requests, the most used first.",
        metadata=counts_as(5),
    )


@strawberry.type(description="A set of permissions and its use in a period. It changes nothing.")
class RightSize:
    since: DateTime = strawberry.field(description="The beginning of the period.")
    used: list[PermissionUse] = strawberry.field(
        description="Those that were used in the period, the most used first.",
        metadata=counts_as(20),
    )
    unused: list[PermissionUse] = strawberry.field(
        description="Those that were not used in the period.", metadata=counts_as(20)
    )
    suggested: list[Permission] = strawberry.field(
        description="The used ones, and the unused ones that have a rhythm.",
        metadata=counts_as(20),
    )
    would_deny: WouldDeny = strawberry.field(
        description="The requests that would have been denied if only the set had been granted. "
        "For `rightSize`, the set is `used`."
    )


async def load_right_size(info: Info, token_id: UUID, days: int) -> RightSize:
    """Return the token's permissions beside their use."""
    context = info.context
    found = await right_size.right_size(context.principal, token_id, days)
    return _shown(context.service.catalogue, found)


async def preview_permissions(
    info: Info,
    token_id: TokenId,
    permissions: Annotated[
        list[str], strawberry.argument(description="The keys of the set that is tried.")
    ],
    days: Days = DEFAULT_DAYS,
) -> RightSize | None:
    """Return the requests that a set of permissions would have denied."""
    context = info.context
    token = row_id("Token", token_id) or UUID(int=0)
    source = context.service.catalogue
    found = await right_size.preview(context.principal, source, token, permissions, days)
    return None if found is None else _shown(source, found)


def _shown(source: catalogue.Catalogue, found: right_size.RightSize) -> RightSize:
    return RightSize(
        since=DateTime(datetime.combine(found.since, time(), UTC)),
        used=_shown_uses(source, found.used),
        unused=_shown_uses(source, found.unused),
        suggested=shown_permissions(source, list(found.suggested)),
        would_deny=WouldDeny(
            requests=min(found.requests_denied, _MAX_INT),
            of=min(found.requests, _MAX_INT),
            permissions=_shown_uses(source, found.denied),
        ),
    )


def _shown_uses(
    source: catalogue.Catalogue, uses: Iterable[right_size.PermissionUse]
) -> list[PermissionUse]:
    return [
        PermissionUse(
            permission=shown_permissions(source, [use.key])[0],
            requests=min(use.requests, _MAX_INT),
            first_used_at=DateTime(use.first_at) if use.first_at else None,
            last_used_at=DateTime(use.last_at) if use.last_at else None,
            rhythm=use.rhythm,
        )
        for use in uses
    ]
