"""graphql-core's executor and validation, as far as they are not documented."""

import inspect
from functools import cache
from typing import TYPE_CHECKING, Any

import graphql
from graphql import GraphQLSchema, OverlappingFieldsCanBeMergedRule, TypeInfo, ValidationContext

from server.internals.parts import lacks, part, warn

if TYPE_CHECKING:
    from graphql.execution import Executor
    from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
    from graphql.pyutils import AwaitableOrValue, Path
else:
    Executor = part("graphql.execution", "Executor")
    # Named in annotations alone.
    FieldDetailsList = part("graphql.execution.collect_fields", "FieldDetailsList")
    GroupedFieldSet = part("graphql.execution.collect_fields", "GroupedFieldSet")
    AwaitableOrValue = part("graphql.pyutils", "AwaitableOrValue")
    Path = part("graphql.pyutils", "Path")

__all__ = [
    "AwaitableOrValue",
    "Executor",
    "FieldDetailsList",
    "GroupedFieldSet",
    "Path",
    "has_executor",
    "limit_comparing",
    "warn_of_missing",
]

_PARAMETERS = {
    "execute_fields": (
        *("parent_type", "source_value", "path", "grouped_field_set", "position_context"),
    ),
    "complete_value": (
        *("return_type", "field_details_list", "info", "path", "result", "position_context"),
    ),
}


def has_executor() -> bool:
    """Whether `server.graphql.executor` can derive its executor; `execute` takes the class then."""
    return not _missing_of_executor()


def limit_comparing(rule: OverlappingFieldsCanBeMergedRule, budget: int) -> bool:
    """Limit the pairs of fields that the rule compares; False where it keeps graphql-core's limit.

    budget: in units of graphql-core.
    """
    context: Any = getattr(rule, "rule_context", None)
    if not hasattr(context, "remaining_complexity_budget"):
        return False
    context.remaining_complexity_budget = budget
    return True


def warn_of_missing() -> None:
    """Log each private part that graphql-core's public way replaces."""
    warn("graphql-core", _missing_of_executor(), "each GraphQL answer takes several times as long")
    schema = GraphQLSchema()
    context = ValidationContext(schema, graphql.parse("{a}"), TypeInfo(schema), lambda _: None)
    if not limit_comparing(OverlappingFieldsCanBeMergedRule(context), 0):
        name = "OverlappingFieldsCanBeMergedRule.rule_context.remaining_complexity_budget"
        warn("graphql-core", [name], "validating a document may take several times as long")


@cache
def _missing_of_executor() -> tuple[str, ...]:
    used = ("build", "build_response", "collect_subfields", "complete_value", "execute_fields")
    further = ("execute_operation", "handle_field_error", "is_awaitable")
    missing = lacks(Executor, *used, *further)
    if not missing:
        for method, expected in _PARAMETERS.items():
            # exempt names_made_at_run_time: the names are those of `_PARAMETERS`
            parameters = inspect.signature(getattr(Executor, method)).parameters
            if tuple(parameters) != ("self", *expected):
                missing.append(f"Executor.{method}({', '.join(expected)})")
    return tuple(missing)
