"""All rules by name. A rule takes the project and one file, and gives the breaches in that file."""

from collections.abc import Callable, Iterator

from tests.architecture import layers, operations, private_parts, queries, statements, style
from tests.architecture.source import Project, Source

Rule = Callable[[Project, Source], Iterator[str]]

RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        layers.imports_up_or_aside,
        layers.imports_below_the_top,
        layers.imports_not_in_full,
        layers.names_made_at_run_time,
        queries.every_tenant_reached,
        queries.queries_out_of_place,
        queries.queries_without_a_tenant,
        queries.writes_by_others,
        queries.saves,
        operations.operations_without_their_right,
        operations.operations_in_disguise,
        operations.changes_as_nobody,
        operations.changes_beside_operations,
        operations.changes_by_the_wrong_right,
        operations.changes_without_activity,
        operations.transactions_not_repeated,
        statements.statements_without_a_tenant,
        statements.statements_written_by_others,
        statements.statements_out_of_place,
        private_parts.private_parts_elsewhere,
        private_parts.private_names_of_other_files,
        style.cookies_unquoted,
        style.undocumented,
    )
}
