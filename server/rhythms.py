"""Recognises uses that repeat at regular intervals, such as those of a monthly job."""

from enum import Enum
from itertools import pairwise

# In weeks between two uses, on average.
_WEEKLY, _MONTHLY = 2, 6
# Uses that are close together show a rhythm only after some repeats.
_MIN_WEEKS_OF_WEEKLY = 3


class Rhythm(Enum):
    """How often something is used that is used at regular intervals."""

    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    RARELY = "RARELY"


def rhythm_of(days: int, weeks: int) -> Rhythm | None:
    """The rhythm of uses on `days` days; None for uses on most days, irregular or ended ones.

    weeks: has bit n for a use in the seven days that ended n weeks ago.
    """
    used = [place for place in range(weeks.bit_length()) if weeks >> place & 1]
    # A job runs on one day of a week with a run, or on two where it is repeated.
    if len(used) < 2 or days > 2 * len(used):
        return None
    gaps = [later - earlier for earlier, later in pairwise(used)]
    average = sum(gaps) / len(gaps)
    has_ended = used[0] > 2 * average + 1
    if has_ended or max(gaps) > 1.5 * average + 1:
        return None
    if average > _WEEKLY:
        return Rhythm.MONTHLY if average <= _MONTHLY else Rhythm.RARELY
    return Rhythm.WEEKLY if len(used) >= _MIN_WEEKS_OF_WEEKLY else None
