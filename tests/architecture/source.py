"""Source files as the rules see them: syntax trees whose names are resolved through their imports.

A rule compares full names, such as `server.access.tenancy.owned`, never spellings: an import under
another name, an import of an import and `getattr` with a literal lead to the same full name.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from typing import TypeGuard

from tortoise.models import Model

import models
from tests.support.process import ROOT

_EXEMPT = re.compile(r"# exempt (\w+): (\S.{9,})")
Function = ast.FunctionDef | ast.AsyncFunctionDef
# Nodes whose contents are not the module's own.
INNER = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)

# The row classes by full name, with those that all others derive from.
ROWS: dict[str, type[Model]] = {
    f"{row.__module__}.{row.__name__}": row
    for row in vars(models).values()
    if isinstance(row, type) and issubclass(row, Model)
}
TENANT_ROWS = frozenset(name for name, row in ROWS.items() if "tenant_id" in row._meta.fields_map)


class Source:
    """One file: its syntax tree, the names it imports, and its exemptions."""

    def __init__(self, module: str, text: str) -> None:
        self.module = module
        self.tree = ast.parse(text)
        self._lines = text.splitlines()
        # The exemptions that a rule has asked for.
        self.used: set[str] = set()

    @property
    def room(self) -> str:
        """`models`, `server.<room>`, or for a file beside the rooms its own module."""
        parts = self.module.split(".")
        return parts[0] if parts[0] == "models" else ".".join(parts[:2])

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def imports(self) -> dict[str, str]:
        """The full name of each imported name, wherever in the file the import stands."""
        names = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.name if alias.asname else alias.name.partition(".")[0]
                    names[alias.asname or name] = name
            elif isinstance(node, ast.ImportFrom) and not node.level:
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return names

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The node that each node is a part of."""
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around `node`, from the inside out."""
        while (above := self.parents.get(node)) is not None:
            yield above
            node = above

    @cached_property
    def functions(self) -> dict[str, Function]:
        """The functions of the module itself, by name, also those within `if` or `try`."""
        return {
            node.name: node
            for node in self.nodes
            if isinstance(node, Function)
            and not any(isinstance(above, INNER) for above in self.ancestors(node))
        }

    @cached_property
    def types(self) -> set[ast.AST]:
        """The nodes that only name a type: annotations, type arguments and bounds."""
        found: set[ast.AST] = set()
        for node in self.nodes:
            parts: list[ast.AST | None] = []
            match node:
                case ast.arg(annotation=annotation) | ast.AnnAssign(annotation=annotation):
                    parts = [annotation]
                case ast.FunctionDef(returns=returns) | ast.AsyncFunctionDef(returns=returns):
                    parts = [returns]
                case ast.Subscript(slice=arguments):
                    parts = [arguments]
                case ast.Call(ast.Name("TypeVar"), keywords=keywords):
                    parts = [keyword.value for keyword in keywords]
                case ast.Call(ast.Name("isinstance" | "issubclass"), [_, types]):
                    parts = [types]
            found.update(inner for part in parts if part for inner in ast.walk(part))
        return found

    def is_exempt(self, rule: str, node: ast.AST) -> bool:
        """Whether a comment says why `rule` is not kept: `# exempt <rule>: <reason>`.

        It stands on the node's line, or on the first of its statement, or on a line of its own
        above one of them.
        """
        statement = node
        for above in self.ancestors(node):
            if isinstance(statement, ast.stmt):
                break
            statement = above
        for line in {getattr(one, "lineno", 0) for one in (node, statement)} - {0}:
            before = self._lines[line - 2].strip() if line > 1 else ""
            for text in (self._lines[line - 1], before if before.startswith("#") else ""):
                if any(found == rule for found, _ in _EXEMPT.findall(text)):
                    self.used.add(rule)
                    return True
        return False

    @cached_property
    def exemptions(self) -> set[str]:
        """The rules that some line of the file claims to be exempt from."""
        return set(re.findall(r"# exempt (\w+)", "\n".join(self._lines)))

    def at(self, node: ast.AST, detail: object = "") -> str:
        """Names a breach by its file and line."""
        return f"{self.module}:{getattr(node, 'lineno', 0)} {detail}".rstrip()


class Project:
    """The source files together, as names lead from one to another."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self.sources = {source.module: source for source in sources}

    def __iter__(self) -> Iterator[Source]:
        return iter(self.sources.values())

    def name_of(self, source: Source, node: ast.AST | None) -> str:
        """The full name to which an expression refers; empty where it has none."""
        match node:
            case ast.Name(name):
                if name in source.imports:
                    return self.canonical(source.imports[name])
                return f"{source.module}.{name}"
            case ast.Attribute(value, name):
                before = self.name_of(source, value)
                return self.canonical(f"{before}.{name}") if before else ""
            case ast.Call(ast.Name("getattr"), [value, ast.Constant(str(name)), *_]):
                before = self.name_of(source, value)
                return self.canonical(f"{before}.{name}") if before else ""
            case ast.NamedExpr(value=value):
                return self.name_of(source, value)
        return ""

    def canonical(self, name: str) -> str:
        """The full name at the definition, found by following imports of imports."""
        for _ in range(9):
            module, rest = self._split(name)
            first, _, further = rest.partition(".")
            if not first or first not in self.sources[module].imports:
                return name
            name = ".".join(filter(None, (self.sources[module].imports[first], further)))
        return name

    def _split(self, name: str) -> tuple[str, str]:
        """The longest module of ours that `name` starts with, and the rest."""
        module, rest = name, ""
        while module and module not in self.sources:
            module, _, last = module.rpartition(".")
            rest = f"{last}.{rest}" if rest else last
        return (module, rest) if module else (name, "")

    def function(self, name: str) -> tuple[Source, Function] | None:
        """The function of the module that has this full name, with its file."""
        module, _, last = name.rpartition(".")
        source = self.sources.get(module)
        found = source.functions.get(last) if source else None
        return (source, found) if source and found else None

    def references(self, source: Source) -> Iterator[tuple[ast.expr, str]]:
        """Each expression of a file that has a full name; of a chain, only the longest."""
        for node in source.nodes:
            if isinstance(node, ast.Name | ast.Attribute) or _is_getattr(node):
                above = source.parents.get(node)
                if isinstance(above, ast.Attribute):
                    continue
                if _is_getattr(above) and above.args[0] is node:
                    continue
                if name := self.name_of(source, node):
                    yield node, name


def _is_getattr(node: ast.AST | None) -> TypeGuard[ast.Call]:
    match node:
        case ast.Call(ast.Name("getattr"), [_, ast.Constant(str()), *_]):
            return True
    return False


@lru_cache(1)
def project() -> Project:
    """The real tree."""
    found = []
    for top in ("server", "models"):
        for path in sorted((ROOT / top).rglob("*.py")):
            if "node_modules" not in path.parts:
                relative = path.relative_to(ROOT).with_suffix("")
                module = ".".join(relative.parts).removesuffix(".__init__")
                found.append(Source(module, path.read_text()))
    return Project(found)


def with_planted(module: str, text: str) -> tuple[Project, Source]:
    """The real tree and one more file, or one in place of the real one."""
    planted = Source(module, text)
    return Project([*(s for s in project() if s.module != module), planted]), planted
