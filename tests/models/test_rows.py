"""Row ids: UUIDs of version 7 that increase."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import RFC_4122, UUID

import pytest

from models import new_id, now


def instant_of(row_id: UUID) -> datetime:
    return datetime.fromtimestamp((row_id.int >> 80) / 1000, UTC)


def test_id_is_a_uuid_7_with_its_creation_time() -> None:
    before = now() - timedelta(milliseconds=1)
    made = new_id()
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= instant_of(made) <= now() + timedelta(milliseconds=1)


def test_ids_are_unique_and_increase_in_every_thread() -> None:
    """Pages are read by id: a later row with a smaller id would be skipped."""

    def make(_: int) -> list[UUID]:
        return [new_id() for _ in range(5000)]

    with ThreadPoolExecutor(8) as threads:
        batches = list(threads.map(make, range(8)))
    assert all(earlier < later for batch in batches for earlier, later in pairwise(batch))
    # Time and fraction alone order the ids; the random bits never decide.
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
