"""The house rules, as code: which file may import which, and what every operation and query does.

What the code does for its callers is tested elsewhere. Each rule is also tried on code that breaks
it, so that none can pass by finding nothing.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.support.process import ROOT

# From the top of the house down. A file may import from floors below its own, and from its own
# room; rooms on one floor never import each other.
_FLOORS: list[set[str]] = [
    {"server.__main__"},
    {"server.cli"},
    {"server.app"},
    {
        "server.graphql",
        "server.console",
        "server.identity",
        "server.dataplane",
        "server.middleware",
    },
    {"server.monitoring"},  # its metrics are counted by the floor above
    {"server.operations"},
    {"server.access"},
    {"server.loop_thread"},
    {"server.database"},
    {"server.service"},
    {"server.catalogue", "server.http", "server.logs", "server.passwords", "server.settings"},
    {"server.fair_queue", "server.paging", "server.texts", "server.web"},
    {
        "server.roles",
        "server.errors",
        "server.token_format",
        "server.global_ids",
        "server.threads",
    },
    {"models"},
]
# Queries of the installation itself, which belongs to no tenant.
_NO_TENANT = {"Tenant", "InstallationKey", "Gateway", "TokenBrand"}
_QUERIES = {"all", "create", "exists", "filter", "first", "get", "get_or_none", "bulk_create"}
_QUERYING = ("models.", "server.access.", "server.operations.")
_ROWS = {
    "Activity",
    "Admin",
    "AttemptCounter",
    "Gateway",
    "InstallationKey",
    "Invitation",
    "KnownAddress",
    "Session",
    "Tenant",
    "Token",
    "TokenBrand",
    "TokenLastUse",
    "TokenPermission",
    "TokenRefusal",
    "TokenSearch",
    "TokenUse",
}


@dataclass(frozen=True)
class _File:
    module: str
    tree: ast.Module

    @property
    def room(self) -> str:
        parts = self.module.split(".")
        return parts[0] if parts[0] == "models" else ".".join(parts[:2])


def _files() -> list[_File]:
    found = []
    for top in ("server", "models"):
        for path in sorted((ROOT / top).rglob("*.py")):
            if "node_modules" not in path.parts:
                relative = path.relative_to(ROOT).with_suffix("")
                module = ".".join(relative.parts).removesuffix(".__init__")
                found.append(_File(module, ast.parse(path.read_text())))
    return found


def _floor(room: str) -> int:
    return next(number for number, rooms in enumerate(_FLOORS) if room in rooms)


def _imports(file: _File) -> Iterator[tuple[str, ast.stmt]]:
    """Each module of the house that a file imports, with the statement."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
            if node.module == "server":
                modules = [f"server.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        yield from ((module, node) for module in modules if module.split(".")[0] in _TOPS)


_TOPS = {"server", "models"}


def _imports_up_or_aside(file: _File) -> Iterator[str]:
    """Imports go down, or stay within the room."""
    for module, _ in _imports(file):
        room = _File(module, file.tree).room
        if room not in {"server", file.room} and _floor(room) <= _floor(file.room):
            yield f"{file.module} imports {module}"


def _imports_below_the_top(file: _File) -> Iterator[str]:
    """Imports stand at the top of the file."""
    if file.module == "server.console.build":  # runs at each `make serve`, mostly to do nothing
        return
    top = set(file.tree.body)
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and node not in top:
            yield f"{file.module}:{node.lineno}"


def _relative_imports(file: _File) -> Iterator[str]:
    """Imports name their module in full."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"{file.module}:{node.lineno}"


def _operations_without_their_right(file: _File) -> Iterator[str]:
    """A public operation takes who asks first, and its first statement requires a right of them."""
    if not file.module.startswith("server.operations."):
        return
    for node in file.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
            who = node.args.args[0].arg if node.args.args else ""
            body = node.body[1:] if ast.get_docstring(node) else node.body
            first = ast.unparse(body[0])
            if who not in {"principal", "operator"} or not first.startswith(
                f"{who}.require(Right."
            ):
                yield f"{file.module}.{node.name}"


def _row_queries(file: _File) -> Iterator[tuple[str, ast.Call]]:
    """Calls such as `models.Token.filter(…)`, with the row's name."""
    for node in ast.walk(file.tree):
        match node:
            case ast.Call(ast.Attribute(ast.Attribute(ast.Name("models"), row), method)) if (
                row in _ROWS and method in _QUERIES
            ):
                yield row, node
            case ast.Call(ast.Attribute(ast.Name(row), method)) if (
                row in _ROWS and method in _QUERIES
            ):
                yield row, node


def _queries_out_of_place(file: _File) -> Iterator[str]:
    """Queries live with the rows, with who is asking, and with the operations."""
    if not file.module.startswith(_QUERYING):
        for row, call in _row_queries(file):
            yield f"{file.module}:{call.lineno} {row}"


def _queries_without_a_tenant(file: _File) -> Iterator[str]:
    """A query of tenants' rows names the tenant; `owned` does it for the operations."""
    if file.module == "server.access.introspection":  # a service asks about anybody's token
        return
    for row, call in _row_queries(file):
        named = {keyword.arg for keyword in call.keywords} & {"tenant_id", "tenant_id__in"}
        is_bulk = isinstance(call.func, ast.Attribute) and call.func.attr == "bulk_create"
        if row not in _NO_TENANT and not named and not is_bulk:
            yield f"{file.module}:{call.lineno} {row}"


def _rows_made_without_a_tenant(file: _File) -> Iterator[str]:
    """A row made by hand names its tenant."""
    for node in ast.walk(file.tree):
        match node:
            case ast.Call(ast.Attribute(ast.Name("models"), row)) if row in _ROWS - _NO_TENANT:
                if "tenant_id" not in {keyword.arg for keyword in node.keywords}:
                    yield f"{file.module}:{node.lineno} {row}"


def _transactions_not_repeated(file: _File) -> Iterator[str]:
    """What opens a transaction is repeated where PostgreSQL ends it for a conflict."""
    if not file.module.startswith(_QUERYING):
        return
    for node in ast.walk(file.tree):
        if isinstance(node, ast.AsyncFunctionDef):
            opened = {
                ast.unparse(item.context_expr).partition("(")[0]
                for statement in ast.walk(node)
                if isinstance(statement, ast.AsyncWith)
                for item in statement.items
            }
            marked = {ast.unparse(decorator) for decorator in node.decorator_list}
            # A context manager cannot be run again: those who enter it are.
            excused = marked & {"retried", "asynccontextmanager"}
            if opened & {"transaction", "change"} and not excused:
                yield f"{file.module}.{node.name}"


def _saves(file: _File) -> Iterator[str]:
    """Rows are written by `write`: `save` would bring back what others changed meanwhile."""
    for node in ast.walk(file.tree):
        match node:
            case ast.Call(ast.Attribute(attr="save")):
                yield f"{file.module}:{node.lineno}"


def _cookies_unquoted(file: _File) -> Iterator[str]:
    """Cookies are read by `read_cookie`: `request.cookies` unquotes them in quadratic time."""
    for node in ast.walk(file.tree):
        match node:
            case ast.Attribute(attr="cookies"):
                yield f"{file.module}:{node.lineno}"
            case ast.ImportFrom(module="http.cookies"):
                yield f"{file.module}:{node.lineno}"


def _undocumented(file: _File) -> Iterator[str]:
    """Modules, public classes and public functions say what they are for.

    GraphQL types and their resolvers say it in their descriptions, where clients read it too.
    """
    if not ast.get_docstring(file.tree):
        yield file.module
    if file.module.startswith(("server.graphql.", "models.migrations.")):
        return
    for node in file.tree.body:
        match node:
            case ast.ClassDef(name) | ast.FunctionDef(name) | ast.AsyncFunctionDef(name):
                if not name.startswith("_") and not ast.get_docstring(node):
                    yield f"{file.module}.{name}"


_RULES: dict[Callable[[_File], Iterator[str]], tuple[str, str]] = {
    # Each rule with a module's name and code that breaks it.
    _imports_up_or_aside: ("server.graphql.x", "from server.console.routes import routes"),
    _imports_below_the_top: ("server.x", "def f():\n    import models"),
    _relative_imports: ("server.x", "from . import y"),
    _operations_without_their_right: (
        "server.operations.x",
        "async def f(principal):\n    return 1\n",
    ),
    _queries_out_of_place: ("server.graphql.x", "models.Token.filter(tenant_id=1)"),
    _queries_without_a_tenant: ("server.access.x", "models.Token.filter(id=1)"),
    _rows_made_without_a_tenant: ("server.access.x", "models.Token(name='x')"),
    _transactions_not_repeated: (
        "server.operations.x",
        "async def f(principal):\n    async with change(principal):\n        pass\n",
    ),
    _saves: ("server.operations.x", "token.save(update_fields=['name'])"),
    _cookies_unquoted: ("server.x", "def f(request):\n    return request.cookies"),
    _undocumented: ("server.x", "'''Doc.'''\nclass Public:\n    pass"),
}


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.__name__.strip("_"))
def test_the_house_keeps_its_rules(rule: Callable[[_File], Iterator[str]]) -> None:
    files = _files()
    assert len(files) > 50
    assert [broken for file in files for broken in rule(file)] == []


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.__name__.strip("_"))
def test_each_rule_finds_what_breaks_it(rule: Callable[[_File], Iterator[str]]) -> None:
    module, code = _RULES[rule]
    assert len(list(rule(_File(module, ast.parse(code))))) == 1


@pytest.mark.parametrize(
    "code",
    [
        "async def f(someone):\n    someone.require(Right.READ)\n",
        "async def f():\n    pass\n",
        "async def f(principal):\n    x = 1\n    principal.require(Right.READ)\n",
        "def f(principal):\n    '''Doc.'''\n    return principal.require(Right.READ)\n",
    ],
)
def test_a_right_required_late_or_of_somebody_else_is_found(code: str) -> None:
    file = _File("server.operations.x", ast.parse(code))
    assert list(_operations_without_their_right(file)) == ["server.operations.x.f"]


def test_every_room_has_its_floor() -> None:
    rooms = {file.room for file in _files()} - {"server"}
    assert rooms == set().union(*_FLOORS)
