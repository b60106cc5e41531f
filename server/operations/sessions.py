"""Operations on one's own sessions. Signing in and out is in `server.access.sessions`."""

from datetime import datetime

import models
from models import ActivityKind
from server.access.activity import record
from server.access.principal import Principal, SignedInAdmin
from server.access.sessions import end_other_sessions, own_sessions
from server.access.tenancy import change
from server.database import retried
from server.errors import Forbidden
from server.roles import Right


async def own(principal: Principal) -> list[models.Session]:
    """The principal's own sessions that have not ended, the latest first: 100 at most."""
    principal.require(Right.USE_OWN_SESSIONS)
    return await own_sessions(_person(principal))


@retried
async def end_others(principal: Principal, before: datetime | None = None) -> int:
    """End every other session of the principal at once: how many had not ended by themselves.

    before: only those that began before this instant. Raises `Unauthenticated` if the session was
    ended meanwhile: of two that end each other, the first stays.
    """
    principal.require(Right.USE_OWN_SESSIONS)
    person = _person(principal)
    async with change(principal, Right.USE_OWN_SESSIONS) as admins:
        ended = await end_other_sessions(person, before)
        if ended:
            admin = admins[person.admin_id]
            await record(principal, ActivityKind.SESSIONS_ENDED, admin, sessions=ended)
    return ended


def _person(principal: Principal) -> SignedInAdmin:
    if not isinstance(principal, SignedInAdmin):
        raise Forbidden(detail="only people have sessions")
    return principal
