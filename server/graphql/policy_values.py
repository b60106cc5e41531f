"""The values of a token policy, as the activity shows them."""

from collections.abc import Mapping
from typing import Any

import strawberry

from server.graphql.weights import counts_as

DEFAULT_LIFETIME_DAYS = (
    "The lifetime of a token that is created without an expiry. Null for as long as the maximum "
    "allows."
)
MAXIMUM_LIFETIME_DAYS = "The longest lifetime of a token. Null for no maximum."
PAUSE_UNUSED_AFTER_DAYS = "The number of days without use after which a token is paused. Null for "
"never."
NETWORKS = "The networks that all tokens may be used from, in CIDR notation; empty for anywhere."


@strawberry.type(description="The values of a token policy, at a change of it.")
class TokenPolicyValues:
    default_lifetime_days: int | None = strawberry.field(description=DEFAULT_LIFETIME_DAYS)
    maximum_lifetime_days: int | None = strawberry.field(description=MAXIMUM_LIFETIME_DAYS)
    pause_unused_after_days: int | None = strawberry.field(description=PAUSE_UNUSED_AFTER_DAYS)
    networks: list[str] = strawberry.field(description=NETWORKS, metadata=counts_as(5))


def recorded_values(details: Mapping[str, Any]) -> TokenPolicyValues:
    """Map the values in the details of an activity to their GraphQL type."""
    return TokenPolicyValues(
        default_lifetime_days=details["defaultLifetimeDays"],
        maximum_lifetime_days=details["maximumLifetimeDays"],
        pause_unused_after_days=details["pauseUnusedAfterDays"],
        networks=details["networks"],
    )
