"""Reminders of tokens: the type and its query."""

import strawberry

from server.graphql.context import Info
from server.graphql.loading import load_selected
from server.graphql.tokens import Token, shown_token
from server.graphql.weights import counts_as
from server.operations import reminders


@strawberry.type(description="Live tokens that need care.")
class TokenReminders:
    overdue_rotations: list[Token] = strawberry.field(
        description="Tokens whose rotation has waited for 7 days or longer for the first use of "
        "the new secret, the earliest rotated first: at most 100.",
        metadata=counts_as(5),
    )
    retired_secrets_used: list[Token] = strawberry.field(
        description="Tokens whose retired secret was presented, and refused, within the last 24 "
        "hours, the latest created first: at most 100.",
        metadata=counts_as(5),
    )


async def token_reminders(info: Info) -> TokenReminders:
    """List the tokens that need care."""
    found = await reminders.current(info.context.principal)
    overdue = [shown_token(row) for row in found.overdue]
    retired_used = [shown_token(row) for row in found.retired_used]
    await load_selected(info, overdue, "overdueRotations")
    await load_selected(info, retired_used, "retiredSecretsUsed")
    return TokenReminders(overdue_rotations=overdue, retired_secrets_used=retired_used)
