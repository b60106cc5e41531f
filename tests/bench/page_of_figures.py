"""The page of figures, `docs/benchmarks.md`: each plane's section is replaced by a new run."""

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def with_section(page: str, section: str) -> str:
    """`page` with `section` in place of the one with the same heading, or at the end.

    section: starts with its heading, of level two.
    """
    heading = section.partition("\n")[0]
    before, found, rest = f"\n{page}".partition(f"\n{heading}\n")
    _, next_heading, after = rest.partition("\n## ")
    kept = f"\n\n## {after}" if next_heading else "\n"
    start = before.removeprefix("\n").rstrip("\n") if found else page.rstrip("\n")
    return f"{start}\n\n{section.strip()}{kept}"
