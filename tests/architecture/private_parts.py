"""Private parts of libraries may change without notice, so only one room uses them."""

import ast
from collections.abc import Iterator
from functools import lru_cache

from tests.architecture.source import Project, Source

_ROOM = "server.internals"
# They derive from classes of `server.internals.tortoise`, which checks the names that they use.
_ENGINES = {"server.database.postgres.engine", "server.database.sqlite.engine"}
# Modules of libraries that their documentation does not describe.
_UNDOCUMENTED = (
    "graphql.execution.collect_fields",
    "graphql.pyutils",
    "tortoise.backends.asyncpg",
    "tortoise.backends.sqlite",
    "uvicorn.protocols",
    "uvicorn.server",
)
# Texts that are keys of private parts.
_TEXTS = {"strawberry-definition"}
_DOCUMENTED = {"os._exit"}


def private_parts_elsewhere(project: Project, source: Source) -> Iterator[str]:
    """Only `server.internals` imports undocumented modules, and reads underscored names."""
    if source.room in {_ROOM, "models"} or source.module in _ENGINES:
        return
    for node in source.nodes:
        found = ""
        match node:
            case ast.ImportFrom(module=str(module)) if module.startswith(_UNDOCUMENTED):
                found = module
            case ast.Import(aliases):
                found = next((a.name for a in aliases if a.name.startswith(_UNDOCUMENTED)), "")
            case ast.ImportFrom(names=aliases):
                found = next((a.name for a in aliases if _is_private(a.name)), "")
            case ast.Attribute(attr=name) if _is_private(name) and name not in _own(project):
                found = "" if project.name_of(source, node) in _DOCUMENTED else name
            case ast.Call(ast.Name("getattr"), [_, ast.Constant(str(name)), *_]):
                found = name if _is_private(name) and name not in _own(project) else ""
            case ast.Constant(str(text)) if text in _TEXTS:
                found = text
        if found and not source.is_exempt("private_parts_elsewhere", node):
            yield source.at(node, found)


def private_names_of_other_files(project: Project, source: Source) -> Iterator[str]:
    """An underscored name is used in its own file alone."""
    for node, name in project.references(source):
        module, _, last = name.rpartition(".")
        if _is_private(last) and module in project.sources and module != source.module:
            yield source.at(node, name)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


@lru_cache(4)
def _own(project: Project) -> set[str]:
    """The underscored names that the project itself defines."""
    names: set[str] = set()
    for source in project:
        for node in source.nodes:
            match node:
                case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                    names.add(name)
                case ast.Attribute(attr=name, ctx=ast.Store()) | ast.Name(name, ast.Store()):
                    names.add(name)
    return names
