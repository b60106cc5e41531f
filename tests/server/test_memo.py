"""Results kept by their arguments: right, and bounded."""

from server.memo import Memo


def test_results_are_computed_once_and_at_most_so_many_are_kept() -> None:
    asked: list[tuple[int, int]] = []

    def product(first: int, second: int) -> int:
        asked.append((first, second))
        return first * second

    memo = Memo(product, 3)
    assert [memo[2, 3], memo[3, 2], memo[2, 3]] == [6, 6, 6]
    assert asked == [(2, 3), (3, 2)]
    for number in range(100):
        assert memo[number, 7] == number * 7
        assert len(memo) <= 3
