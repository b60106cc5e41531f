"""The figures in the README: rows of the page of figures, so that both tell of the same run."""

from collections.abc import Iterator
from pathlib import Path

from tests.bench.page_of_figures import with_section
from tests.bench.report import table

README = Path(__file__).parents[2] / "README.md"
_HEADING = "## Speed, beside others"
_TEXT = (
    "On PostgreSQL, each server by one process on one core, in the same run as the others. The"
    " ratios count, not the rates.\n"
    "[docs/benchmarks.md](docs/benchmarks.md) says what each server does; `make bench` measures"
    " them again."
)
_DATABASE = "### PostgreSQL"


def with_figures(readme: str, page: str) -> str:
    """`readme` with the figures of the page's runs on PostgreSQL."""
    return with_section(readme, "\n\n".join([_HEADING, _TEXT, *_parts(page)]))


def _parts(page: str) -> Iterator[str]:
    pages = _section(page, "## The control plane")
    for rows in _tables(pages, "server"):
        head = ["50 tokens with permissions and creator, by GraphQL", "pages/s", "of hand-written"]
        chosen = [[row["server"], row["requests/s"], row["of hand-written"]] for row in rows]
        yield f"{table(head, chosen)}\n\nMeasured by {_command(pages)}."
    checks = _section(page, "## The data plane")
    for busy, alone in zip(
        _tables(checks, "64 connections"), _tables(checks, "1 connection"), strict=True
    ):
        latencies = {row["1 connection"]: row["p50 ms"] for row in alone}
        head = ["a check of an API token", "checks/s", "of fixed bytes", "ms, of 1 connection"]
        chosen = [
            [server, row["requests/s"], row["of fixed bytes"], latencies[server]]
            for row in busy
            for server in [row["64 connections"]]
        ]
        yield f"{table(head, chosen)}\n\nMeasured by {_command(checks)}, over 64 connections."


def _section(page: str, heading: str) -> str:
    _, _, rest = page.partition(f"{heading}\n")
    return rest.partition("\n## ")[0]


def _command(section: str) -> str:
    """The command that measured a section, as it stands at its beginning."""
    return f"`{section.split('`')[1]}`"


def _tables(section: str, of: str) -> Iterator[list[dict[str, str]]]:
    """The rows of those tables about PostgreSQL whose first column has the name `of`."""
    _, _, text = section.partition(_DATABASE)
    for block in text.split("\n\n"):
        if block.startswith(f"| {of} |"):
            head, _, *rows = [line.strip("| ").split(" | ") for line in block.splitlines()]
            yield [dict(zip(head, cells, strict=True)) for cells in rows]
