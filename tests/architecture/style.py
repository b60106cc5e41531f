"""Rules for every file, in every room."""

import ast
from collections.abc import Iterator

from tests.architecture.source import Project, Source


def cookies_unquoted(_: Project, source: Source) -> Iterator[str]:
    """Cookies are read by `read_cookie`: `request.cookies` unquotes them in quadratic time."""
    for node in source.nodes:
        match node:
            case ast.Attribute(attr="cookies") | ast.ImportFrom(module="http.cookies"):
                yield source.at(node)
            case ast.ImportFrom(module="http") if "cookies" in {a.name for a in node.names}:
                yield source.at(node)


def undocumented(_: Project, source: Source) -> Iterator[str]:
    """Modules, public classes and public functions have a docstring.

    GraphQL types and their resolvers have descriptions instead, which clients read too.
    """
    if not ast.get_docstring(source.tree):
        yield source.module
    if source.module.startswith(("server.graphql.", "models.migrations.")):
        return
    for node in source.tree.body:
        match node:
            case ast.ClassDef(name) | ast.FunctionDef(name) | ast.AsyncFunctionDef(name):
                if not name.startswith("_") and not ast.get_docstring(node):
                    yield source.at(node, name)
