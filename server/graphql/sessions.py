"""One's own sessions: type, query and mutation. The logic is in `operations.sessions`."""

from typing import Annotated

import strawberry
from strawberry import UNSET

import models
from server.graphql.basics import DateTime, given
from server.graphql.context import Info
from server.operations import sessions

_INPUT = strawberry.argument(description="Which of them to end.")


@strawberry.type(description="A session of the signed-in admin that has not ended.")
class Session:
    signed_in_at: DateTime = strawberry.field(description="When it began.")
    last_seen_at: DateTime = strawberry.field(
        description="When it was last used, to the minute. It ends an hour later."
    )
    expires_at: DateTime = strawberry.field(description="When it ends at the latest.")
    address: str | None = strawberry.field(
        description="The client's address at sign-in. Null for a session that began before it was "
        "recorded."
    )
    user_agent: str | None = strawberry.field(
        description="The client's `User-Agent` at sign-in, unchecked: at most 255 characters, "
        "with `?` in place of those that are not printable ASCII. Null for a session that began "
        "before it was recorded."
    )
    is_current: bool = strawberry.field(description="Whether this request is made with it.")


@strawberry.input(
    description="The other sessions to end: all, or those that began before an instant."
)
class EndOtherSessionsInput:
    signed_in_before: DateTime | None = strawberry.field(
        default=UNSET, description="Only those that began before this instant."
    )


@strawberry.type(description="The other sessions have ended.")
class EndOtherSessionsPayload:
    ended_session_count: int = strawberry.field(description="How many there were.")


# A union as all results of mutations, which leaves room for problems.
EndOtherSessionsResult = Annotated[
    EndOtherSessionsPayload,
    strawberry.union("EndOtherSessionsResult", description="How many sessions have ended."),
]


def _shown(row: models.Session, info: Info) -> Session:
    return Session(
        signed_in_at=DateTime(row.created_at),
        last_seen_at=DateTime(row.last_seen_at),
        expires_at=DateTime(row.expires_at),
        address=row.address,
        user_agent=row.user_agent,
        is_current=row.id == info.context.principal.session_id,
    )


async def own_sessions(info: Info) -> list[Session]:
    """List the signed-in admin's own sessions, the latest first."""
    return [_shown(row, info) for row in await sessions.own(info.context.principal)]


async def end_other_sessions(
    info: Info, input: Annotated[EndOtherSessionsInput, _INPUT]
) -> EndOtherSessionsResult:
    ended = await sessions.end_others(info.context.principal, given(input.signed_in_before))
    return EndOtherSessionsPayload(ended_session_count=ended)
