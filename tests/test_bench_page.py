"""`make bench` keeps `docs/benchmarks.md`: a run replaces its own section and no other.

Here too: the promised ratios that it computes from its samples.
"""

from dataclasses import replace

from tests.bench.__main__ import _QUICK, _QUICK_CHECKS
from tests.bench.load import Sample
from tests.bench.measure import DEEP, LARGE, SMALL, Figures
from tests.bench.measure_checks import AS_FEW, FEW, TRIED, UNDER_TERMS
from tests.bench.page import ACTIVITY, FASTAPI, FIXED, HANDWRITTEN, NAIVE, RENAME, TESSERA, VIEWER
from tests.bench.page_of_figures import PAGE, with_section
from tests.bench.report import database_section, requirements
from tests.bench.report_checks import check_requirements, check_section
from tests.bench.trail import MIDDLE, PLAIN, Trail, trail_requirements, trail_section

_PAGE = "# Figures\n\nText.\n\n## One\n\nold\n\n### Part\n\nold\n\n## Two\n\nkept\n"


def test_section_replaces_the_one_with_its_heading() -> None:
    assert with_section(_PAGE, "## One\n\nnew") == (
        "# Figures\n\nText.\n\n## One\n\nnew\n\n## Two\n\nkept\n"
    )
    assert with_section(_PAGE, "## Two\n\nnew\n") == _PAGE.replace("kept", "new")


def test_new_section_is_added_at_the_end() -> None:
    assert with_section(_PAGE, "## Three\n\nnew") == f"{_PAGE}\n## Three\n\nnew\n"


def test_the_page_has_the_sections_that_a_run_writes() -> None:
    lines = PAGE.read_text().splitlines()
    assert [line for line in lines if line.startswith("## ")] == [
        "## The control plane",
        "## The data plane",
        "## The audit trail",
        "## Row-level security",
    ]


def sampled(*rates: int) -> list[Sample]:
    """A round for each rate, in which every answer takes as long as that rate makes it."""
    return [Sample(1, 1, [1 / rate] * rate) for rate in rates]


def test_the_dearest_filtered_page_is_compared_with_the_plain_one() -> None:
    servers = {TESSERA: sampled(100, 100), NAIVE: sampled(5, 5), HANDWRITTEN: sampled(500, 500)}
    sizes = {name: sampled(100, 50) for name in (SMALL, LARGE, DEEP)}
    lists = {"by name": sampled(100, 50), "by expiry": sampled(80, 40)}
    twins = dict.fromkeys((VIEWER, ACTIVITY, RENAME), servers)
    *others, dearest = requirements(Figures(servers, sizes, lists, twins))
    assert {other.says: other.ratio for other in others if "viewer" in other.says} == {
        "viewer and tenant: requests a second, of hand-written": 0.2
    }
    # Each answer of the hand-written server takes a fifth as long here, at any percentile.
    assert [other.says for other in others if not other.met] == ["p99, of hand-written"]
    assert (dearest.ratio, dearest.met) == (1.25, False)
    lists["by expiry"] = sampled(90, 45)
    figures = Figures(servers, sizes, lists, twins)
    assert requirements(figures)[-1].met
    section = database_section("A database", figures, _QUICK)
    assert "| activity, 50, Tessera | 100 |" in section
    assert "| renameToken, hand-written | 500 |" in section
    assert "| by expiry | 68 |" in section
    assert "| Tessera, among 20,000 tokens |" in section


def test_filtered_activity_is_compared_with_the_plain_page_at_the_same_place() -> None:
    pages = {PLAIN: [1.0, 2.0], f"page {MIDDLE}": [2.0, 4.0], f"by kind, {MIDDLE}": [2.2, 4.4]}
    trail = Trail(1_000, pages)
    [dearest] = trail_requirements(trail)
    assert (round(dearest.ratio, 3), dearest.met) == (1.1, True)
    [dearest] = trail_requirements(replace(trail, pages={**pages, "by kind": [1.1, 2.4]}))
    assert (round(dearest.ratio, 3), dearest.met) == (1.15, True)
    [dearest] = trail_requirements(replace(trail, pages={**pages, "by kind": [1.2, 2.6]}))
    assert (round(dearest.ratio, 3), dearest.met) == (1.25, False)
    assert f"| by kind, {MIDDLE} | 3300.00 |" in trail_section("A database", trail)


def test_checks_under_every_term_are_compared_with_fixed_bytes() -> None:
    figures = {name: sampled(100) for name in (TESSERA, FEW, AS_FEW, TRIED, FASTAPI, FIXED)}
    met = {
        rate: [
            (one.says, one.met)
            for one in check_requirements(figures | {UNDER_TERMS: sampled(rate)})
            if "every term" in one.says
        ]
        for rate in (50, 40, 30)
    }
    speed, latency = (
        f"every term set: {one}, of fixed bytes" for one in ("requests a second", "p99")
    )
    assert met == {
        50: [(speed, True), (latency, True)],
        40: [(speed, False), (latency, True)],
        30: [(speed, False), (latency, False)],
    }
    section = check_section("A database", figures | {UNDER_TERMS: sampled(50)}, _QUICK_CHECKS)
    assert "| the same, 5,000 with every term set | 50 |" in section
    assert "| the same, 5,000 while a trial runs | 100 |" in section
