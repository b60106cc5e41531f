"""`make bench` keeps `docs/benchmarks.md`: a run replaces its own section and no other.

Here too: the promised ratios that it computes from its samples, and the README's figures.
"""

from dataclasses import replace

from tests.bench.__main__ import _QUICK, _QUICK_CHECKS
from tests.bench.load import Sample
from tests.bench.measure import DEEP, LARGE, SMALL, Figures
from tests.bench.measure_checks import (
    AS_FEW,
    FEW,
    FEWER_CONNECTIONS,
    TRIED,
    UNDER_TERMS,
    at,
)
from tests.bench.page import (
    ACTIVITY,
    BETTER_AUTH,
    DRF,
    FASTAPI,
    FIXED,
    HANDWRITTEN,
    NAIVE,
    RENAME,
    TESSERA,
    VIEWER,
)
from tests.bench.page_of_figures import PAGE, with_section
from tests.bench.readme import README, with_figures
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


def checked(*rivals: str) -> dict[str, list[Sample]]:
    """Samples of checks at all numbers of connections, the same of each server."""
    names = [
        at(server, connections)
        for server in (FIXED, TESSERA, *rivals)
        for connections in (64, *FEWER_CONNECTIONS)
    ]
    return {name: sampled(100) for name in (*names, FEW, AS_FEW, UNDER_TERMS, TRIED)}


def test_checks_over_one_connection_are_compared_by_their_latency() -> None:
    says = "1 connection: p50, of fixed bytes"
    found = {}
    for rate in (50, 40, 30):
        figures = checked(FASTAPI) | {at(TESSERA, 1): sampled(rate)}
        [found[rate]] = [one.met for one in check_requirements(figures) if one.says == says]
    assert found == {50: True, 40: True, 30: False}
    section = check_section("A database", figures, _QUICK_CHECKS)
    assert "| 1 connection | " in section
    assert "| Tessera | 30 | 30 to 30 | 33.3 | 33.3 | 33.33 | 0.30 | 3.33 |" in section


def test_a_rival_that_was_not_measured_is_named_with_the_reason() -> None:
    figures = checked(FASTAPI, DRF)
    section = check_section("A database", figures, _QUICK_CHECKS, {BETTER_AUTH: "it did not start"})
    assert "| djangorestframework-api-key | 100 |" in section
    assert "\n\nbetter-auth, API keys was not measured: it did not start.\n\n" in section


def test_the_readme_tells_the_figures_of_the_page() -> None:
    readme, page = README.read_text(), PAGE.read_text()
    assert with_figures(readme, page) == readme
    [tessera] = [line for line in readme.splitlines() if line.startswith("| Tessera | ")][:1]
    _, _, control = page.partition("## The control plane")
    _, _, on_postgres = control.partition("### PostgreSQL")
    pages = tessera.split(" | ")[1]
    assert f"\n| Tessera | {pages} | " in on_postgres.partition("### ")[0]


def test_checks_under_every_term_are_compared_with_fixed_bytes() -> None:
    figures = checked(FASTAPI)
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
