"""Operations require their right first, and change rows as their principal."""

import ast
from collections.abc import Iterator

from tests.architecture.rows import Rows
from tests.architecture.source import Function, Project, Source

_CHANGE = "server.access.tenancy.change"
_RECORDING = {"server.access.activity.record", "server.access.activity.record_all"}
# Writes the time at which a session was last seen.
_AUTHENTICATE = "server.access.authentication.authenticate"
_RETRIED = "server.database.retrying.retried"
_TRANSACTIONS = {_CHANGE, "server.database.connections.transaction"}
_WHO = {
    "principal": "server.access.principal.Principal",
    "operator": "server.access.principal.Operator",
    "client": "server.access.principal.IntrospectionClient",
    "holder": "server.access.principal.Holder",
}
# Rooms whose functions can be part of a change.
_CHANGING = {"server.access", "server.decisions", "server.operations"}


def operations_without_their_right(project: Project, source: Source) -> Iterator[str]:
    """A public operation takes the caller first, and its first statement requires a right."""
    if source.room != "server.operations":
        return
    for name, function in source.functions.items():
        if not name.startswith("_") and not _right_of(project, source, function):
            yield source.at(function, name)


def operations_in_disguise(project: Project, source: Source) -> Iterator[str]:
    """Operations are plain functions: no method, no lambda, and no decorator but `retried`."""
    if source.room != "server.operations":
        return
    for node in source.nodes:
        match node, source.parents.get(node):
            case ((ast.FunctionDef(name) | ast.AsyncFunctionDef(name)), ast.ClassDef()):
                if name != "__repr__":
                    yield source.at(node, name)
            case ((ast.Lambda() | ast.Call()), (ast.Assign() | ast.AnnAssign()) as statement):
                if statement in source.tree.body and _makes_a_function(project, source, node):
                    yield source.at(node)
    for name, function in source.functions.items():
        marks = {project.name_of(source, mark) for mark in function.decorator_list}
        if not name.startswith("_") and marks - {_RETRIED}:
            yield source.at(function, name)


def _makes_a_function(project: Project, source: Source, node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return project.name_of(source, node.func).startswith("functools.")
    return True


def _right_of(project: Project, source: Source, function: Function) -> str:
    """The right that the first statement requires of the caller; empty where it requires none."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not function.args.args or not body:
        return ""
    first = function.args.args[0]
    match body[0]:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name(who), "require"), [right])):
            if who == first.arg and project.name_of(source, first.annotation) == _WHO.get(who):
                return _literal_right(project, source, right)
    return ""


def _literal_right(project: Project, source: Source, node: ast.AST) -> str:
    right, _, name = project.name_of(source, node).rpartition(".")
    return name if right == "server.roles.Right" else ""


def changes_as_nobody(project: Project, source: Source) -> Iterator[str]:
    """An admin changes rows only within `change`, which locks and reads the admin's row first.

    Operators have no row: operations whose first parameter is `operator` need no `change`.
    """
    if source.room != "server.operations":
        return
    changes = _Changes(project)
    for name, function in source.functions.items():
        is_operators = bool(function.args.args) and function.args.args[0].arg == "operator"
        if not name.startswith("_") and not is_operators:
            yield from (source.at(call, name) for call in changes.unguarded(source, function))


def changes_beside_operations(project: Project, source: Source) -> Iterator[str]:
    """Admins and operators change rows through operations, never by functions below them.

    The surfaces named here serve admins and operators. The others have changes of their own that
    no right governs: sessions (`server.identity`) and the decision log (`server.dataplane`).
    """
    if source.room not in {"server.cli", "server.console", "server.graphql", "server.monitoring"}:
        return
    changes = _Changes(project)
    for node in source.nodes:
        if isinstance(node, ast.Call):
            name = project.name_of(source, node.func)
            found = project.function(name)
            is_below = found is not None and found[0].room in _CHANGING - {"server.operations"}
            if is_below and name != _AUTHENTICATE and changes.changes(source, node):
                yield source.at(node, name)


def changes_by_the_wrong_right(project: Project, source: Source) -> Iterator[str]:
    """`change` is opened by operations alone, for the right that they require, never `READ`."""
    for node in source.nodes:
        if isinstance(node, ast.Call) and project.name_of(source, node.func) == _CHANGE:
            around = [above for above in source.ancestors(node) if above in _functions(source)]
            required = _right_of(project, source, around[-1]) if around else ""  # type: ignore[arg-type]
            right = _literal_right(project, source, node.args[1]) if len(node.args) > 1 else ""
            if source.room != "server.operations" or right in {"", "READ"} or right != required:
                yield source.at(node, right)


def changes_without_activity(project: Project, source: Source) -> Iterator[str]:
    """A change is recorded: `record` stands within the same `change`."""
    changes = _Changes(project)
    for node in source.nodes:
        if isinstance(node, ast.AsyncWith) and _opens(project, source, node, {_CHANGE}):
            calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
            is_recorded = any(changes.records(source, call) for call in calls)
            if not is_recorded and not source.is_exempt("changes_without_activity", node):
                yield source.at(node)


def transactions_not_repeated(project: Project, source: Source) -> Iterator[str]:
    """A function that opens a transaction is `retried`: PostgreSQL may end it for a conflict."""
    if source.room == "server.database":
        return
    for node in source.nodes:
        if isinstance(node, ast.AsyncWith) and _opens(project, source, node, _TRANSACTIONS):
            around = next(a for a in source.ancestors(node) if isinstance(a, ast.AsyncFunctionDef))
            marks = {project.name_of(source, mark) for mark in around.decorator_list}
            # A context manager cannot run again; the function that enters it can.
            if not marks & {_RETRIED, "contextlib.asynccontextmanager"}:
                yield source.at(node, around.name)


def _opens(project: Project, source: Source, node: ast.AsyncWith, which: set[str]) -> bool:
    return any(
        isinstance(item.context_expr, ast.Call)
        and project.name_of(source, item.context_expr.func) in which
        for item in node.items
    )


def _functions(source: Source) -> set[ast.AST]:
    return set(source.functions.values())


class _Changes:
    """Finds the calls that change rows, directly or through the functions that they call."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._writes: dict[str, set[ast.AST]] = {}
        self._known: dict[str, bool] = {}

    def unguarded(self, source: Source, function: Function) -> Iterator[ast.Call]:
        """The calls in `function` that change rows and are not within `change`."""
        for node in ast.walk(function):
            if not isinstance(node, ast.Call) or self._is_guarded(source, node):
                continue
            if self.changes(source, node):
                yield node

    def records(self, source: Source, call: ast.Call, depth: int = 3) -> bool:
        """Whether the call records an activity, or calls a function of the file that does."""
        name = self._project.name_of(source, call.func)
        found = self._project.function(name)
        if name in _RECORDING or not found or found[0] is not source or not depth:
            return name in _RECORDING
        inner = (node for node in ast.walk(found[1]) if isinstance(node, ast.Call))
        return any(self.records(source, node, depth - 1) for node in inner)

    def changes(self, source: Source, call: ast.Call) -> bool:
        """Whether the call changes rows, outside of a `change` of its own."""
        if source.module not in self._writes:
            writes = Rows(self._project, source).writes()
            self._writes[source.module] = {write.call for write in writes}
        if call in self._writes[source.module]:
            return True
        name = self._project.name_of(source, call.func)
        found = self._project.function(name)
        if not found or found[0].room not in _CHANGING or name == _CHANGE:
            return False
        if name not in self._known:
            self._known[name] = False  # until it is known: functions may call each other
            self._known[name] = any(self.unguarded(*found))
        return self._known[name]

    def _is_guarded(self, source: Source, node: ast.AST) -> bool:
        return any(
            isinstance(above, ast.AsyncWith) and _opens(self._project, source, above, {_CHANGE})
            for above in source.ancestors(node)
        )
