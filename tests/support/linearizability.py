"""Decides whether a history of calls about one token is linearizable.

A token's state is its latest grants, or revoked. A change takes effect at one moment between
its sending and its acknowledgement, a check reads at one moment between its own start and end
(Herlihy and Wing, 1990). A history is linearizable if such moments exist for all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

REVOKED: frozenset[str] | None = None


@dataclass(frozen=True)
class Event:
    """One call and its answer, from just before it was sent to just after it was answered.

    wrote: for a change, the state that it makes. read: for a check, the key that it asked for and
    the status it got.
    """

    started: float
    ended: float
    wrote: frozenset[str] | None = frozenset()
    is_change: bool = False
    asked: str = ""
    status: int = 0

    def fits(self, state: frozenset[str] | None) -> bool:
        """Whether a check of this state answers so."""
        if state is None:
            return self.status == 401
        return self.status == (200 if self.asked in state else 403)


def change(started: float, ended: float, wrote: frozenset[str] | None) -> Event:
    """A change that was acknowledged."""
    return Event(started, ended, wrote, is_change=True)


def check(started: float, ended: float, asked: str, status: int) -> Event:
    """A check that was answered."""
    return Event(started, ended, asked=asked, status=status)


def is_linearizable(history: Sequence[Event], initial: frozenset[str] | None) -> bool:
    """Whether an order of the events respects their times and explains every answer.

    Wing and Gong's search: the next event is one that no open event precedes.
    """
    events = tuple(sorted(history, key=lambda event: event.started))

    @cache
    def explained(done: frozenset[int], state: frozenset[str] | None) -> bool:
        if len(done) == len(events):
            return True
        open_ = [n for n in range(len(events)) if n not in done]
        first_end = min(events[n].ended for n in open_)
        for n in open_:
            event = events[n]
            if event.started > first_end:
                break  # a pending event ended before this one began
            if event.is_change:
                if explained(done | {n}, event.wrote):
                    return True
            elif event.fits(state) and explained(done | {n}, state):
                return True
        return False

    return explained(frozenset(), initial)
