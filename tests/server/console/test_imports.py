"""Which of the console's front-end files may import which: downward only, and in no cycle."""

import os
import re
from pathlib import Path

import pytest

from server.console.build import WEB

# From the top down. A file may import from its own room and from floors below it; the rooms of one
# floor never import each other.
_FLOORS = [
    {"console/main.tsx", "graphiql", "sign-in", "invitation"},
    {"console/frame"},  # the frame of every page: navigation, account, signing in again
    {"console/pages"},
    {"console/api", "console/parts"},
    {"console"},  # leaves: addresses, formats, the error that `api` raises and `parts` show
    {"src"},  # shared by the console and the other pages
    {"strings.ts"},
]
_IMPORT = re.compile(r'(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"?]*)')

Graph = dict[str, set[str]]


def _imports(web: Path) -> Graph:
    """The front end's TypeScript files, each with those that it imports, as paths below `src`."""
    src = web / "src"
    files = {path.relative_to(src).as_posix(): path for path in src.rglob("*.ts*")}
    return {name: _imported(name, path.read_text()) & files.keys() for name, path in files.items()}


def _imported(name: str, code: str) -> set[str]:
    folder = Path(name).parent
    return {os.path.normpath(folder / found) for found in _IMPORT.findall(code)}


def _room(name: str) -> str:
    """The longest name in `_FLOORS` that the path starts with; files at the top are of `src`."""
    parts = name.split("/")
    paths = ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next(path for path in [*paths, "src"] if any(path in floor for floor in _FLOORS))


def _upward(graph: Graph) -> list[str]:
    height = {room: level for level, floor in enumerate(_FLOORS) for room in floor}
    return [
        f"{name} imports {other}"
        for name, imported in graph.items()
        for other in imported
        if _room(name) != _room(other) and height[_room(name)] >= height[_room(other)]
    ]


def _in_cycles(graph: Graph) -> set[str]:
    """The files of cycles, and those that import them: the rest can be put into an order."""
    left = dict(graph)
    while leaves := {name for name, imported in left.items() if not imported & left.keys()}:
        left = {name: imported for name, imported in left.items() if name not in leaves}
    return set(left)


def test_imports_go_down() -> None:
    graph = _imports(WEB)
    assert sum(len(imported) for imported in graph.values()) > 100
    assert _upward(graph) == []


def test_no_file_imports_itself_by_way_of_others() -> None:
    assert _in_cycles(_imports(WEB)) == set()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("console/parts/dialog.tsx", 'import { request } from "../api/request.ts";'),
        ("console/api/request.ts", 'import type { Dialog } from "../parts/dialog.tsx";'),
        ("console/parts/dialog.tsx", 'const page = import("../pages/tokens/tokens-page.tsx");'),
        ("console/formats.ts", 'export { Icon } from "./parts/icon.tsx";'),
        ("session.ts", 'import { paths } from "./console/paths.ts";'),
        ("invitation/main.ts", 'import {\n  a,\n  b,\n} from "../sign-in/next.ts";'),
    ],
)
def test_an_import_upward_or_aside_is_found(name: str, code: str) -> None:
    assert len(_upward(_imports(WEB) | {name: _imported(name, code)})) == 1


def test_a_cycle_is_found() -> None:
    graph: Graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}
    assert _in_cycles(graph) == {"a", "b", "c"}
