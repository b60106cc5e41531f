"""The lifetimes of a token policy: cleaned values, and the dates that a policy gives.

Rules alone: `server.decisions.policy_dates` writes the dates.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID

from server.conditions import Unsaid, clean_end, to_milliseconds
from server.errors import InvalidInput

MAX_LIFETIME_DAYS = 3_650
MAX_UNUSED_DAYS = 3_650
MAX_NOTICE_DAYS = 365
DEFAULT_NOTICE = timedelta(days=14)
# Tokens that had no expiry end within a year, also under a longer maximum.
MAX_SPREAD_DAYS = 365
_MAX_PARTS = 1_000
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The lifetimes that bind at an instant.

    days: of a token that is created without an expiry; None for as long as is allowed.
    maximum_days: the most that a token may live from now on; None for no maximum.
    latest: the latest expiry that is allowed now; None for no maximum.
    """

    days: int | None = None
    maximum_days: int | None = None
    latest: datetime | None = None

    def expiry(self, wanted: datetime | Unsaid | None, now: datetime) -> datetime | None:
        """The expiry that a token gets at `now`, in whole milliseconds; None for never.

        Raises `InvalidInput` for one that is not in the future or beyond the maximum, as never is.
        """
        if isinstance(wanted, Unsaid):
            return self._default(now)
        expires_at = clean_end(wanted, now)
        if self.latest is not None and (expires_at is None or expires_at > self.latest):
            latest = self.latest.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            raise InvalidInput(
                "expiresAt",
                f"The token policy allows at most {self.maximum_days:,} days from now. Choose an"
                f" expiry until {latest}.",
            )
        return expires_at

    def _default(self, now: datetime) -> datetime | None:
        if self.days is None:
            return self.latest
        wanted = latest_end(now, self.days)
        return wanted if self.latest is None else min(wanted, self.latest)


NO_LIFETIMES = Lifetimes()


def latest_end(instant: datetime, maximum_days: int) -> datetime:
    """The latest expiry that a maximum allows, counted from an instant."""
    return to_milliseconds(instant + timedelta(days=maximum_days))


def clean_days(days: int | None, field: str, most: int = MAX_LIFETIME_DAYS) -> int | None:
    """A number of days; None for none. Raises `InvalidInput`."""
    if days is not None and not 1 <= days <= most:
        raise InvalidInput(field, f"Enter 1 to {most:,} days.")
    return days


def clean_start(instant: datetime | None, now: datetime) -> datetime:
    """The instant from which a policy binds existing tokens: by default, 14 days ahead.

    Cut to milliseconds. Raises `InvalidInput` for one in the past, or over a year ahead.
    """
    wanted = to_milliseconds(instant or now + DEFAULT_NOTICE)
    if not now < wanted <= now + timedelta(days=MAX_NOTICE_DAYS):
        raise InvalidInput(
            "effectiveFrom", f"Choose an instant in the next {MAX_NOTICE_DAYS} days."
        )
    return wanted


@dataclass(frozen=True, slots=True)
class Spread:
    """The dates of tokens without expiry: the oldest token ends first, and none before `begins`.

    The tokens are divided in the order of their ids into parts of equal size, each of which ends in
    its own part of the time. Within its part, a token's place follows from its id alone: the dates
    stay the same when other tokens are revoked meanwhile.

    tokens: how many there are. bounds: the last id of each part.
    """

    begins: datetime
    days: int
    tokens: int
    bounds: Sequence[UUID]

    @property
    def step(self) -> int:
        """How many tokens a part has; the last part may have fewer."""
        return step_of(self.tokens)

    def date(self, token_id: UUID) -> datetime:
        """When the token ends, in whole milliseconds."""
        part = min(bisect_left(self.bounds, token_id), len(self.bounds) - 1)
        size = min(self.step, self.tokens - part * self.step)
        # 1 to 2**64 in its part. One that is alone there ends with it, so that few are even.
        place = 1 + int.from_bytes(blake2b(token_id.bytes, digest_size=8).digest())
        reached = part * self.step * 2**64 + (size * place if size > 1 else 2**64)
        whole = timedelta(days=self.days) // _MILLISECOND
        return self.begins + whole * reached // (self.tokens * 2**64) * _MILLISECOND


def step_of(tokens: int) -> int:
    """How many of these tokens make a part of a spread."""
    return max(-(-tokens // _MAX_PARTS), 1)


def spread_days(maximum_days: int) -> int:
    """Over how many days the ends of tokens without expiry are spread."""
    return min(maximum_days, MAX_SPREAD_DAYS)
