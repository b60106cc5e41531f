"""What all rows share: their ids."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import RFC_4122, UUID

import pytest

from models import new_id, now


def instant_of(row_id: UUID) -> datetime:
    return datetime.fromtimestamp((row_id.int >> 80) / 1000, UTC)


def test_an_id_is_a_uuid_of_version_7_that_tells_when_it_was_made() -> None:
    before = now() - timedelta(milliseconds=1)
    made = new_id()
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= instant_of(made) <= now() + timedelta(milliseconds=1)


def test_ids_increase_in_every_thread_and_no_two_are_alike() -> None:
    """Pages are read by id: a row that came later with a smaller one would be skipped."""

    def make(_: int) -> list[UUID]:
        return [new_id() for _ in range(5000)]

    with ThreadPoolExecutor(8) as threads:
        batches = list(threads.map(make, range(8)))
    assert all(earlier < later for batch in batches for earlier, later in pairwise(batch))
    # The time and its fraction alone decide: the random bits that follow never have to.
    assert len({row_id.int >> 64 for batch in batches for row_id in batch}) == 8 * 5000


def test_ids_increase_while_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [new_id()]
    an_hour_ago = time.time_ns() - 3600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: an_hour_ago)
    ids += [new_id() for _ in range(10_000)]
    assert all(earlier < later for earlier, later in pairwise(ids))
    assert all((row_id.version, row_id.variant) == (7, RFC_4122) for row_id in ids)
    assert instant_of(ids[-1]) - instant_of(ids[0]) < timedelta(seconds=5)


def test_ids_cannot_be_guessed_from_one_another() -> None:
    tails = {new_id().int & ((1 << 62) - 1) for _ in range(1000)}
    assert len(tails) == 1000
    assert all({tail >> bit & 1 for tail in tails} == {0, 1} for bit in range(62))
