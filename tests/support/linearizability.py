"""Decides whether a history of calls about one token is linearizable.

A change takes effect at one moment between its sending and its acknowledgement, a check reads the
token's state at one moment between its own start and end (Herlihy and Wing, 1990). A history is
linearizable if such moments exist for all of it. Instants of the state, such as an expiry, pass by
the clock that also times the calls: the database runs on this machine.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from math import inf
from typing import Any

ALLOWED = "ALLOWED"
DEAD, LIVES_ON = -inf, inf


@dataclass(frozen=True)
class State:
    """All that decides on a check of the token.

    is_elsewhere: its networks leave out the address of the checks. retires_at: for each of its
    secrets, in the order of their making, the instant from which it is refused.
    """

    held: frozenset[str] = frozenset()
    is_revoked: bool = False
    is_paused: bool = False
    is_elsewhere: bool = False
    expires_at: float = LIVES_ON
    retires_at: tuple[float, ...] = (LIVES_ON,)

    def code(self, key: str, secret: int, at: float) -> str:
        """The code of a check at an instant: that of the refusal, or `ALLOWED`."""
        if self.is_revoked:
            return "TOKEN_REVOKED"
        if at >= self.retires_at[secret]:
            return "SECRET_RETIRED"
        if at >= self.expires_at:
            return "TOKEN_EXPIRED"
        if self.is_paused:
            return "TOKEN_PAUSED"
        if self.is_elsewhere:
            return "ADDRESS_NOT_ALLOWED"
        return ALLOWED if key in self.held else "INSUFFICIENT_SCOPE"


@dataclass(frozen=True)
class Event:
    """One call and its answer, from just before it was sent to just after it was answered.

    sets: for a change, the fields of the state that it sets; empty for a check. key, secret, code:
    for a check, what it asked for, with which of the token's secrets, and its answer.
    """

    started: float
    ended: float
    sets: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    secret: int = 0
    code: str = ""

    @property
    def is_change(self) -> bool:
        return bool(self.sets)

    def overlaps(self, other: "Event") -> bool:
        """Whether either may have taken effect before the other."""
        return self.started < other.ended and other.started < self.ended

    def codes(self, state: State, clock_error: float = 0) -> set[str]:
        """The right codes of this check of `state`: of either side of an instant that it meets."""
        started, ended = self.started + clock_error, self.ended + clock_error
        instants = (state.expires_at, state.retires_at[self.secret])
        within = [at for at in instants if started <= at <= ended]
        return {state.code(self.key, self.secret, at) for at in (started, *within, ended)}


def change(started: float, ended: float, **sets: Any) -> Event:
    """A change that was acknowledged: it sets these fields of the state."""
    return Event(started, ended, sets)


def check(started: float, ended: float, key: str, code: str, secret: int = 0) -> Event:
    """A check that was answered."""
    return Event(started, ended, key=key, secret=secret, code=code)


def state_after(changes: Sequence[Event], initial: State = State()) -> State:
    """The state that these changes make, one after the other."""
    for event in changes:
        initial = replace(initial, **event.sets)
    return initial


def is_linearizable(history: Sequence[Event], initial: State = State()) -> bool:
    """Whether an order of the events respects their times and explains every answer.

    Wing and Gong's search: the next event is one that no open event precedes.
    """
    events = tuple(sorted(history, key=lambda event: event.started))
    # The search is as deep as the history is long: beside slow changes there are many checks.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 4 * len(events) + 1000))

    @cache
    def explained(done: frozenset[int], state: State) -> bool:
        if len(done) == len(events):
            return True
        open_ = [n for n in range(len(events)) if n not in done]
        first_end = min(events[n].ended for n in open_)
        for n in open_:
            event = events[n]
            if event.started > first_end:
                break  # a pending event ended before this one began
            if event.is_change:
                if explained(done | {n}, replace(state, **event.sets)):
                    return True
            elif event.code in event.codes(state) and explained(done | {n}, state):
                return True
        return False

    return explained(frozenset(), initial)
