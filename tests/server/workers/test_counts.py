"""Counts in memory that processes share: exact, also where a process is killed or stopped."""

import os
import signal
from collections.abc import Callable
from uuid import uuid4

import pytest

from server.workers import SharedCounts

HOUR = 412_345


def in_copy(work: Callable[[], None]) -> int:
    """Start a copy of this process that does `work` and ends; gives its id."""
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def passed(counts: SharedCounts, subject: str, limit: int, times: int) -> int:
    return sum(counts.add(HOUR, [[(subject, limit)]])[0][0] for _ in range(times))


def test_exactly_the_limit_passes_in_several_processes() -> None:
    counts, tenant, wholes = SharedCounts(16), str(uuid4()), os.pipe()

    def ask() -> None:
        os.write(wholes[1], passed(counts, tenant, 1_000, 600).to_bytes(4))

    copies = [in_copy(ask) for _ in range(3)]
    for copy in copies:
        os.waitpid(copy, 0)
    assert sum(int.from_bytes(os.read(wholes[0], 4)) for _ in copies) == 1_000
    assert counts.read(HOUR, [tenant, str(uuid4())]) == [1_000, 0]
    assert counts.read(HOUR + 1, [tenant]) == [0]
    for end in wholes:
        os.close(end)


def test_request_counts_for_all_of_its_subjects_or_for_none() -> None:
    counts, tenant, one, other = SharedCounts(16), *(str(uuid4()) for _ in range(3))
    of_one = [(tenant, 5), (one, 2)]
    assert counts.add(HOUR, [of_one] * 3) == [(True, [0, 0]), (True, [1, 1]), (False, [2, 2])]
    assert counts.add(HOUR, [[(tenant, 5), (other, 9)]] * 4)[2:] == [
        (True, [4, 2]), (False, [5, 3])
    ]  # fmt: skip
    assert counts.read(HOUR, [tenant, one, other]) == [5, 2, 3]


def test_full_bucket_forgets_the_smallest_count_and_passed_hours_first() -> None:
    counts, many = SharedCounts(1), [str(uuid4()) for _ in range(17)]
    for number, subject in enumerate(many[:16]):
        passed(counts, subject, 100, number + 1)
    passed(counts, many[16], 100, 3)
    assert counts.read(HOUR, many) == [0, *range(2, 17), 3]
    # In the next hour all begin anew, and no count of the hour before comes back.
    counts.add(HOUR + 1, [[(subject, 100)] for subject in many[:16]])
    assert counts.read(HOUR + 1, many) == [*[1] * 16, 0]


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSTOP])
def test_process_that_ends_or_stops_while_counting_holds_nobody_up(sign: signal.Signals) -> None:
    counts, tenant, (holds, held) = SharedCounts(16), str(uuid4()), os.pipe()

    def hold() -> None:
        with counts._lock.held():
            os.write(held, b"!")
            os.kill(os.getpid(), sign)

    copy = in_copy(hold)
    assert os.read(holds, 1) == b"!"
    os.waitpid(copy, os.WUNTRACED)
    if sign == signal.SIGSTOP:
        with pytest.raises(TimeoutError):
            passed(counts, tenant, 5, 1)
        assert counts.read(HOUR, [tenant]) == [0]
        os.kill(copy, signal.SIGKILL)
        os.waitpid(copy, 0)
    assert passed(counts, tenant, 5, 7) == 5
    for end in (holds, held):
        os.close(end)
