"""The rows that a file handles: the row class of each expression, and the calls that write."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tests.architecture.source import INNER, ROWS, Function, Project, Source

OWNED = "server.access.tenancy.owned"
_READING = "server.access.reading."
# These take a row class, and the tenant: as a principal, as a condition, or in a statement in SQL.
READS_OWNED = {f"{_READING}owned_rows"}
READS = {f"{_READING}rows", "server.access.tenancy.page_of"}
READS_BY_SQL = {f"{_READING}{name}" for name in ("columns", "read_rows", "row_beside", "rows_by")}
_CREATING = {"create", "bulk_create", "get_or_create", "update_or_create"}
WRITING = _CREATING | {"update", "delete", "save", "write", "bulk_update", "raw"}
# These count as writing even on an object that is not known to be a row.
_SURELY_WRITING = WRITING - {"create", "update", "write", "raw"}
_SQL_WRITING = {"execute_many", "execute_insert", "execute_script", "executemany", "executescript"}


@dataclass(frozen=True)
class Write:
    """A call that changes rows: `row` is the class's full name, empty where it is not known."""

    call: ast.Call
    row: str


class Rows:
    """The row classes of a file's expressions, under any name."""

    def __init__(self, project: Project, source: Source) -> None:
        self._project, self._source = project, source
        self._names: dict[tuple[ast.AST, str], str] = {}
        self._attributes: dict[str, str] = {}  # of the file's classes
        self._under_way: set[str] = set()
        for _ in range(3):  # a name may take its row class from a name that is bound later
            for node in source.nodes:
                self._bind(node)

    def writes(self) -> Iterator[Write]:
        """The calls that change rows."""
        for node in self._source.nodes:
            match node:
                case ast.Call(ast.Attribute(on, method)) if method in WRITING | _SQL_WRITING:
                    row = self.row_of(on)
                    if (row and method in WRITING) or method in _SURELY_WRITING | _SQL_WRITING:
                        yield Write(node, row)

    def row_of(self, node: ast.AST | None) -> str:
        """The full name of the row class that an expression is, holds, or queries."""
        match node:
            case ast.Name(name):
                return self._named(node, name) or self._class(node)
            case ast.Attribute(value, name):
                return self._class(node) or self.row_of(value) or self._attributes.get(name, "")
            case ast.Await(value) | ast.NamedExpr(value=value) | ast.Starred(value):
                return self.row_of(value)
            case ast.Subscript(value) | ast.keyword(value=value):
                return self.row_of(value)
            case ast.BoolOp(values=parts) | ast.List(parts) | ast.Tuple(parts) | ast.Set(parts):
                return next(filter(None, map(self.row_of, parts)), "")
            case ast.IfExp(body=body, orelse=other):
                return self.row_of(body) or self.row_of(other)
            case ast.ListComp(elt=part) | ast.SetComp(elt=part) | ast.GeneratorExp(elt=part):
                return self.row_of(part)
            case ast.DictComp(value=part):
                return self.row_of(part)
            case ast.Call():
                return self._called(node)
        return ""

    def _class(self, node: ast.AST) -> str:
        name = self._project.name_of(self._source, node)
        return name if name in ROWS else ""

    def _called(self, call: ast.Call) -> str:
        name = self._project.name_of(self._source, call.func)
        if name == OWNED:
            return self.row_of(call.args[0]) if call.args else ""
        if found := self._project.function(name):
            return self._returned(name, *found)
        if row := self.row_of(call.func):
            return row
        # A built-in returns the rows that it takes: `sorted(rows)`, `list(rows)`.
        if isinstance(call.func, ast.Name):
            return next(filter(None, map(self.row_of, call.args)), "")
        return ""

    def _returned(self, name: str, source: Source, function: Function) -> str:
        """The row class that a function says that it returns, or else does return."""
        if row := _mentioned(self._project, source, function.returns):
            return row
        if function.returns is not None or source is not self._source or name in self._under_way:
            return ""
        self._under_way.add(name)
        returned = (n.value for n in ast.walk(function) if isinstance(n, ast.Return))
        row = next(filter(None, map(self.row_of, returned)), "")
        self._under_way.discard(name)
        return row

    def _bind(self, node: ast.AST) -> None:
        match node:
            case ast.arg(name, annotation):
                self._give(node, ast.Name(name), self._type(annotation))
            case ast.AnnAssign(target, annotation, value):
                row = self._type(annotation) or self.row_of(value)
                self._give(node, target, row)
                if isinstance(target, ast.Name) and isinstance(self._scope(node), ast.ClassDef):
                    self._attributes |= {target.id: row} if row else {}
            case ast.Assign(targets, value):
                for target in targets:
                    self._give(node, target, self.row_of(value))
            case ast.NamedExpr(target, value):
                self._give(node, target, self.row_of(value))
            case ast.For(target, values) | ast.AsyncFor(target, values):
                self._give(node, target, self.row_of(values))
            case ast.comprehension(target, values):
                self._give(node, target, self.row_of(values))
            case ast.withitem(value, target):
                self._give(node, target, self.row_of(value))

    def _give(self, node: ast.AST, target: ast.AST | None, row: str) -> None:
        match target:
            case ast.Name(name) if row:
                self._names[self._scope(node), name] = row
            case ast.Tuple(parts) | ast.List(parts):
                for part in parts:
                    self._give(node, part, row)

    def _named(self, node: ast.AST, name: str) -> str:
        for above in (node, *self._source.ancestors(node)):
            if isinstance(above, (*INNER, ast.Module)) and (above, name) in self._names:
                return self._names[above, name]
        return ""

    def _scope(self, node: ast.AST) -> ast.AST:
        around = self._source.ancestors(node)
        return next(above for above in around if isinstance(above, (*INNER, ast.Module)))

    def _type(self, annotation: ast.AST | None) -> str:
        return _mentioned(self._project, self._source, annotation)


def _mentioned(project: Project, source: Source, annotation: ast.AST | None) -> str:
    """The first row class in an annotation."""
    for node in ast.walk(annotation) if annotation else ():
        name = project.name_of(source, node)
        if name in ROWS:
            return name
    return ""
