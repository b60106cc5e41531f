"""Starts of the service in the tests' own process: each repeats less of the one before.

Tortoise prepares its models once per database: at each start it derives the same filters, columns
and queries from them, a third of the start. The recipes that ship are read once, the path of a
route is compiled once, and an address is asked once whether it is that of a pooler. Processes of
`tessera` do so as ever.
"""

from copy import copy
from functools import cache
from pathlib import Path
from typing import Any

import starlette.routing
from tortoise.apps import Apps

import server.starting
from server.catalogue.recipes import DEFAULT_FOLDER, Recipe, read_recipes
from server.database.postgres.dialler import Dialler

# All that depends on the kind of the database.
_DERIVED = (
    "filters", "db_default_fields", "db_complex_fields", "db_native_fields", "basetable",
    "basequery", "basequery_all_fields",
)  # fmt: skip
_FILLED = _DERIVED[:4]
_prepare = Apps._build_initial_querysets
_prepared: dict[type, dict[Any, dict[str, Any]]] = {}
_ask_for_pooler = Dialler.is_behind_pooler
_without_pooler: set[tuple[str, ...]] = set()


def install() -> None:
    """From now on, derive from models, recipes, paths and addresses once, and use it again."""
    Apps._build_initial_querysets = _prepare_once  # type: ignore[assignment, method-assign]  # the tests' process alone
    server.starting.read_recipes = _read_recipes_once  # type: ignore[attr-defined]  # an imported name
    starlette.routing.compile_path = cache(starlette.routing.compile_path)
    Dialler.is_behind_pooler = _ask_for_pooler_once  # type: ignore[assignment, method-assign]  # the tests' process alone


_shipped = cache(read_recipes)


def _read_recipes_once(folder: Path) -> tuple[Recipe, ...]:
    """Those of another folder each time: a test may change its files."""
    return _shipped(folder) if folder == DEFAULT_FOLDER else read_recipes(folder)


async def _ask_for_pooler_once(dialler: Dialler) -> bool:
    """Asking takes a connection of its own, half of a start on PostgreSQL."""
    urls = dialler._address.urls
    if dialler._behind_pooler is None and urls in _without_pooler:
        dialler._behind_pooler = False
    is_behind = await _ask_for_pooler(dialler)
    if dialler._behind_pooler is False:
        _without_pooler.add(urls)
    return is_behind


def _prepare_once(apps: Apps) -> None:
    models = [model for app in apps.apps.values() for model in app.values()]
    kind = models[0]._meta.db.executor_class
    if _prepared.get(kind, {}).keys() != {*models}:
        # Tortoise fills dictionaries and lists in place: those of the other kind are kept from it.
        _give({model: _derived(model._meta) for model in models})
        _prepare(apps)
        _prepared[kind] = {model: _derived(model._meta) for model in models}
    _give(_prepared[kind])


def _give(derived: dict[Any, dict[str, Any]]) -> None:
    for model, values in derived.items():
        for name, value in values.items():
            setattr(model._meta, name, value)


def _derived(meta: Any) -> dict[str, Any]:
    """Copies of the values that Tortoise derived."""
    return {
        name: copy(getattr(meta, name)) if name in _FILLED else getattr(meta, name)
        for name in _DERIVED
    }
