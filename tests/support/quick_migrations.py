"""Migrations of tests take a quarter of the time: Tortoise repeats less.

For each step of a migration it makes all models as they were before it and as they are after it,
and derives the same filters, columns and queries of each. Here filters are made once for a field,
and the rest where a step reads the model. Processes of `TESSERA` (see `process`) do so as ever.
"""

from copy import copy
from typing import Any

import tortoise.models
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields import Field, JSONField
from tortoise.fields.relational import RelationalField
from tortoise.filters import get_filters_for_field as _make_filters
from tortoise.migrations.schema_generator.state_apps import StateApps

# Their filters depend on more than the field's name and class.
_OWN_FILTERS = (RelationalField, JSONField, ArrayField)
_prepare = StateApps._build_initial_querysets
_get_model = StateApps.get_model
_filters: dict[tuple[Any, ...], dict[str, Any]] = {}


def install() -> None:
    """From now on, make filters once, and prepare models when a step asks for them."""
    StateApps._build_initial_querysets = _prepare_relations  # type: ignore[assignment, method-assign]  # the tests' process alone
    StateApps.get_model = _get_prepared_model  # type: ignore[assignment, method-assign]  # the tests' process alone
    tortoise.models.get_filters_for_field = _filters_once  # type: ignore[attr-defined]  # an imported name


def _prepare_relations(apps: StateApps) -> None:
    """Prepare only the fields: they tell which models are made anew when another one changes."""
    for models in apps.apps.values():
        for model in models.values():
            model._meta.finalise_fields()


def _get_prepared_model(apps: StateApps, app: str, name: str | None = None) -> Any:
    model = _get_model(apps, app, name)
    alone = copy(apps)
    alone.apps = {app: {model.__name__: model}}
    _prepare(alone)
    return model


def _filters_once(field_name: str, field: Field[Any] | None, source_field: str) -> dict[str, Any]:
    if isinstance(field, _OWN_FILTERS):
        return _make_filters(field_name, field, source_field)
    of_key = field.model_field_name if field is not None and field_name == "pk" else ""
    known = field_name, type(field), source_field, of_key
    if known not in _filters:
        _filters[known] = _make_filters(field_name, field, source_field)
    return _filters[known]
