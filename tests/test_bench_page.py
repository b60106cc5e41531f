"""`make bench` keeps `docs/benchmarks.md`: a run replaces its own section and no other."""

from tests.bench.page_of_figures import PAGE, with_section

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
    ]
