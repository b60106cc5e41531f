"""The cost of finding a request's operation, among few operations and among many.

Measured in this process, with the catalogues in turns, since a server's overhead would hide a few
microseconds. Reading them is timed once, for information.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from server.catalogue import Catalogue, canonical_path, read_catalogue
from tests.bench.measure import pinned
from tests.bench.report import Requirement, promises, table

FEW, MANY = 100, 10_000
# Each area of the API has concrete paths, parameters, and parameters with text around them.
_AREA: dict[str, tuple[str, ...]] = {
    "/api/v1/area-{n}": ("get", "post"),
    "/api/v1/area-{n}/{{id}}": ("get", "delete"),
    "/api/v1/area-{n}({{key}})/parts/{{part}}.json": ("get",),
}
_OPERATIONS = sum(map(len, _AREA.values()))
_AREAS_ASKED = FEW // _OPERATIONS
_TIMES = 50


@dataclass(frozen=True, slots=True)
class Matched:
    """One catalogue: the seconds of reading it, and of one match in each round."""

    reading: float
    rounds: Sequence[float]


def measure_matching(rounds: int, core: int) -> Mapping[int, Matched]:
    """By the number of operations."""
    with TemporaryDirectory(prefix="tessera-bench-") as folder, pinned(core):
        read = {size: _read(Path(folder), size) for size in (FEW, MANY)}
        taken: dict[int, list[float]] = {size: [] for size in read}
        # The first round is a warm-up and does not count.
        for number in range(1 + rounds):
            for size, (_, catalogue) in read.items():
                seconds = _match(catalogue, _asked(size))
                if number:
                    taken[size].append(seconds)
    return {size: Matched(reading, taken[size]) for size, (reading, _) in read.items()}


def matching_requirements(matched: Mapping[int, Matched]) -> list[Requirement]:
    """Cost by the number of operations."""
    pairs = zip(matched[MANY].rounds, matched[FEW].rounds, strict=True)
    says = f"cost of a match among {MANY:,} operations, of that among {FEW:,}"
    return [Requirement(says, median(many / few for many, few in pairs), 1.5, True)]


def matching_section(matched: Mapping[int, Matched]) -> str:
    """The tables."""
    rows = [
        [
            f"{size:,}",
            f"{median(one.rounds) * 1e6:.2f}",
            f"{min(one.rounds) * 1e6:.2f} to {max(one.rounds) * 1e6:.2f}",
            f"{one.reading:.2f}",
        ]
        for size, one in matched.items()
    ]
    head = ["operations", "µs a match", "lowest to highest", "s to read the document"]
    return "\n\n".join(
        [
            "### The catalogue",
            f"Method and target to operation, for {FEW} different requests in turn, medians of"
            f" {len(matched[FEW].rounds)} rounds that take turns.",
            table(head, rows),
            promises(matching_requirements(matched)),
        ]
    )


def _read(folder: Path, size: int) -> tuple[float, Catalogue]:
    file = folder / f"{size}.json"
    file.write_text(json.dumps(_document(size)))
    started = time.perf_counter()
    catalogue = read_catalogue(file)
    reading = time.perf_counter() - started
    assert len(catalogue.permissions) == size
    return reading, catalogue


def _document(size: int) -> dict[str, Any]:
    operation = {"summary": "x", "responses": {"200": {"description": "x"}}}
    paths = {
        template.format(n=number): dict.fromkeys(methods, operation)
        for number in range(size // _OPERATIONS)
        for template, methods in _AREA.items()
    }
    return {"openapi": "3.1.0", "info": {"title": "Bench", "version": "1"}, "paths": paths}


def _asked(size: int) -> list[tuple[str, str]]:
    """Method and target of every operation of some evenly spread areas."""
    areas = size // _OPERATIONS
    return [
        (method.upper(), template.format(n=number).replace("{", "x-").replace("}", ""))
        for number in range(0, areas, areas // _AREAS_ASKED)
        for template, methods in _AREA.items()
        for method in methods
    ]


def _match(catalogue: Catalogue, asked: Sequence[tuple[str, str]]) -> float:
    """The seconds per match. Each match must find an operation."""
    started = time.perf_counter()
    for _ in range(_TIMES):
        for method, target in asked:
            path = canonical_path(target)
            if path is None or catalogue.match(method, path) is None:
                raise AssertionError(f"nothing matches {method} {target}")
    return (time.perf_counter() - started) / (_TIMES * len(asked))
