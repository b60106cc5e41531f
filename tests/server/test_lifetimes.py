"""The lifetimes of a policy: both sides of its instants, and the dates that it spreads."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

import models
from server.conditions import Unsaid
from server.errors import InvalidInput
from server.lifetimes import Lifetimes, Spread, clean_days, clean_start, latest_end, step_of

NOW = datetime(2030, 1, 1, 12, 0, 0, 123_456, tzinfo=UTC)
CUT = NOW.replace(microsecond=123_000)
DAY, MILLISECOND = timedelta(days=1), timedelta(milliseconds=1)


def test_latest_expiry_is_allowed_and_one_a_millisecond_later_is_not() -> None:
    bound = Lifetimes(None, 30, latest_end(NOW, 30))
    assert bound.expiry(CUT + 30 * DAY, NOW) == CUT + 30 * DAY
    # Fractions of a millisecond are cut before the comparison.
    assert bound.expiry(NOW + 30 * DAY, NOW) == CUT + 30 * DAY
    for wanted in (CUT + 30 * DAY + MILLISECOND, None):
        with pytest.raises(InvalidInput, match=r"at most 30 days .* 2030-01-31T12:00:00\.123Z\."):
            bound.expiry(wanted, NOW)
    with pytest.raises(InvalidInput, match="in the future"):
        bound.expiry(NOW, NOW)


@pytest.mark.parametrize(
    ("days", "maximum", "given"), [(None, None, None), (7, None, 7), (7, 30, 7), (None, 30, 30)]
)
def test_default_lifetime_is_that_of_the_policy_or_else_the_maximum(
    days: int | None, maximum: int | None, given: int | None
) -> None:
    latest = latest_end(NOW, maximum) if maximum else None
    expiry = Lifetimes(days, maximum, latest).expiry(Unsaid.UNSAID, NOW)
    assert expiry == (None if given is None else CUT + given * DAY)


def test_policy_begins_between_now_and_a_year_ahead() -> None:
    assert clean_start(None, NOW) == CUT + 14 * DAY
    assert clean_start(NOW + MILLISECOND, NOW) == CUT + MILLISECOND
    assert clean_start(NOW + 365 * DAY, NOW) == CUT + 365 * DAY
    for wrong in (NOW, NOW - DAY, NOW + 365 * DAY + MILLISECOND):
        with pytest.raises(InvalidInput) as refused:
            clean_start(wrong, NOW)
        assert refused.value.field == "effectiveFrom"


def test_days_are_counted_from_one_to_ten_years() -> None:
    assert [clean_days(days, "x") for days in (None, 1, 3_650)] == [None, 1, 3_650]
    for days in (0, -1, 3_651, 2**31 - 1):
        with pytest.raises(InvalidInput) as refused:
            clean_days(days, "x")
        assert refused.value.field == "x"


def spread_of(ids: list[UUID], days: int) -> Spread:
    step = step_of(len(ids))
    bounds = [ids[min(end, len(ids)) - 1] for end in range(step, len(ids) + step, step)]
    return Spread(CUT, days, len(ids), bounds)


@pytest.mark.parametrize("count", [1, 2, 365, 999, 1_000, 1_001, 1_999, 10_000])
@pytest.mark.parametrize("days", [1, 30, 365])
def test_dates_are_even_and_none_is_before_the_beginning(count: int, days: int) -> None:
    ids = sorted(models.new_id() for _ in range(count))
    spread = spread_of(ids, days)
    dates = [spread.date(one) for one in ids]
    assert all(CUT <= date <= CUT + days * DAY for date in dates)
    assert all(date == date.replace(microsecond=date.microsecond // 1000 * 1000) for date in dates)
    by_day = Counter((date - CUT) // DAY for date in dates)
    mean = count / days
    # Of few a day, one more may meet the others where one day touches the next.
    assert max(by_day.values()) <= (2 * mean if mean > 10 else max(2 * mean + 1, 2))
    if step_of(count) == 1:
        assert dates == sorted(dates)
        assert dates[-1] == CUT + days * DAY


def test_date_of_a_token_stays_when_others_are_gone() -> None:
    ids = sorted(models.new_id() for _ in range(5_000))
    spread = spread_of(ids, 90)
    again = Spread(spread.begins, spread.days, spread.tokens, list(spread.bounds))
    assert [again.date(one) for one in ids[::7]] == [spread.date(one) for one in ids][::7]
