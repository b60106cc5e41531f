"""Which file may import which, and how: downward, in full, at the top."""

import ast
from collections.abc import Iterator

from tests.architecture.source import Project, Source

# From the top down. A file may import from lower floors and from its own room; rooms on one floor
# never import each other.
FLOORS: list[set[str]] = [
    {"server.__main__"},
    {"server.cli"},
    {"server.app"},
    {"server.starting"},
    {
        "server.console",
        "server.dataplane",
        "server.export",
        "server.graphql",
        "server.identity",
        "server.leaks",
        "server.middleware",
        "server.provisioning",
    },
    {"server.jobs"},  # work in the background; acts through operations and decisions
    {"server.operations"},
    {"server.decisions"},
    {"server.access"},
    {"server.loop_thread", "server.monitoring"},  # its metrics are counted by the floors above
    {"server.database"},
    {"server.service"},
    {
        "server.catalogue",
        "server.lifetimes",
        "server.memo",
        "server.logs",
        "server.outbound",
        "server.passwords",
        "server.settings",
    },
    {
        "server.conditions",
        "server.fair_queue",
        "server.internals",
        "server.paging",
        "server.private_files",
        "server.public_url",
        "server.smtp_url",
        "server.texts",
        "server.web",
        "server.workers",
    },
    {
        "server.global_ids",
        "server.errors",
        "server.rhythms",
        "server.roles",
        "server.shutdown",
        "server.threads",
        "server.token_format",
    },
    {"models"},
]
# Rooms that have their floor before they are built.
TO_COME = {"server.provisioning"}
_TOPS = {"server", "models"}
# Functions that reach code by a name made at run time, which no rule can see.
_UNSEEN = {
    *("eval", "exec", "compile", "globals", "locals", "vars", "__import__"),
    *("operator.methodcaller", "sys.modules", "importlib.import_module"),
}
_UNSEEN_MODULES = {"importlib", "importlib.util", "runpy", "pkgutil"}


def floor_of(room: str) -> int:
    """The number of the room's floor, 0 at the top."""
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def _imported(source: Source) -> Iterator[tuple[str, ast.stmt]]:
    """Each module that a file imports, with the statement."""
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
            if node.module == "server":
                modules = [f"server.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        yield from ((module, node) for module in modules)


def imports_up_or_aside(_: Project, source: Source) -> Iterator[str]:
    """Imports go down, or stay within the room."""
    for module, node in _imported(source):
        parts = module.split(".")
        room = parts[0] if parts[0] == "models" else ".".join(parts[:2])
        if parts[0] not in _TOPS or room in {"server", source.room}:
            continue
        if floor_of(room) <= floor_of(source.room):
            yield source.at(node, module)


def imports_below_the_top(_: Project, source: Source) -> Iterator[str]:
    """Imports stand at the top of the file, or there below `if TYPE_CHECKING`."""
    top = set(source.tree.body)
    for statement in source.tree.body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            top |= set(statement.body)
    for node in source.nodes:
        is_import = isinstance(node, ast.Import | ast.ImportFrom)
        if is_import and node not in top and not source.is_exempt("imports_below_the_top", node):
            yield source.at(node)


def imports_not_in_full(_: Project, source: Source) -> Iterator[str]:
    """Imports name their module in full, and each name that they take from it."""
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and (
            node.level or any(alias.name == "*" for alias in node.names)
        ):
            yield source.at(node)


def names_made_at_run_time(project: Project, source: Source) -> Iterator[str]:
    """Imports and calls can be read: no `eval`, no name put together at run time."""
    for module, statement in _imported(source):
        if module in _UNSEEN_MODULES and not source.is_exempt("names_made_at_run_time", statement):
            yield source.at(statement, module)
    for reference, name in project.references(source):
        is_unseen = name.removeprefix(f"{source.module}.") in _UNSEEN
        if is_unseen and not source.is_exempt("names_made_at_run_time", reference):
            yield source.at(reference, name)
    for node in source.nodes:
        match node:
            case ast.Call(ast.Name("getattr" | "setattr" | "delattr"), [_, attribute, *_]):
                is_literal = isinstance(attribute, ast.Constant)
            case ast.Call(called, [attribute, *_]):
                is_literal = isinstance(attribute, ast.Constant)
                is_literal |= project.name_of(source, called) != "operator.attrgetter"
            case _:
                continue
        if not is_literal and not source.is_exempt("names_made_at_run_time", node):
            yield source.at(node, ast.unparse(attribute))
