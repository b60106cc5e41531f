"""Reading the current reminders of tokens. `server.jobs.reminders` sends them."""

from dataclasses import dataclass
from datetime import timedelta

import models
from server.access.principal import Principal
from server.access.reminders import overdue_rotations, tokens_with_retired_uses
from server.access.tenancy import owned
from server.database import database_now
from server.roles import Right

MAX_REMINDED = 100
RETIRED_USED_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Reminders:
    """Live tokens that need care, 100 of each kind at most.

    overdue: with a rotation whose new secret was not used for 7 days, the earliest rotated first.
    retired_used: with a retired secret that was presented within a day, the latest created first.
    """

    overdue: list[models.Token]
    retired_used: list[models.Token]


async def current(principal: Principal) -> Reminders:
    """The current reminders of the tenant's tokens, except those of expiries."""
    principal.require(Right.READ)
    at = await database_now()
    tenant_id = principal.tenant_id
    pending = overdue_rotations([tenant_id], at).order_by("created_at").limit(MAX_REMINDED)
    overdue = [one.id for one in await pending if one.is_under_way(at)]
    retired = await tokens_with_retired_uses(tenant_id, at - RETIRED_USED_WITHIN)
    live = owned(models.Token, principal).filter(**models.LIVE)
    found = {token.id: token for token in await live.filter(id__in={*overdue, *retired})}
    latest = sorted(found.keys() & set(retired), reverse=True)[:MAX_REMINDED]
    return Reminders(
        [found[one] for one in overdue if one in found], [found[one] for one in latest]
    )
