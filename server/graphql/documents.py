"""Documents: parsed, validated and measured once, then cached. `endpoint` runs them."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    OverlappingFieldsCanBeMergedRule,
    SelectionNode,
    SelectionSetNode,
    Source,
    StringValueNode,
    ValidationContext,
    Visitor,
    parse,
    recommended_rules,
    specified_rules,
    validate,
    visit,
)

from server.graphql.errors import Limit

MAX_DOCUMENT_LENGTH = 64 * 1024
# Each error locates itself by counting lines from the beginning of the document.
MAX_LINES = 5_000
MAX_LEXICAL_TOKENS = 1_000
MAX_DEPTH = 8
MAX_ALIASES = 15
_MAX_COMMENTS = 1_000
_MAX_ERRORS = 20
# In units of graphql-core: two for each pair of fields compared. A large document of a program
# takes a few hundred, the introspection query of tools less than 2,000.
_MAX_COMPARING = 20_000
_MAX_CACHED = 256
_SOURCE = "GraphQL request"
Below = Callable[[SelectionSetNode | None], int]


class Rejected(Exception):
    """A document is refused; `errors` are the reasons, in the form that GraphQL reports."""

    def __init__(self, code: str, errors: list[GraphQLError]) -> None:
        super().__init__(code)
        self.code = code
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document within the limits."""

    node: DocumentNode
    operations: tuple[OperationDefinitionNode, ...]
    fragments: dict[str, FragmentDefinitionNode]

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Select the operation to run. Raises `Rejected` unless `name` identifies exactly one."""
        if name is None and len(self.operations) != 1:
            raise _rejected("Several operations need an `operationName`.")
        for operation in self.operations:
            if name is None or (operation.name and operation.name.value == name):
                return operation
        raise _rejected("The document has no operation of this `operationName`.")


class Documents:
    """Reads the documents of one schema, with an LRU cache of those without string literals.

    A document with string literals is never cached, because a literal may be a secret.
    """

    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        self._schema = schema
        self._hide_suggestions = not introspection
        self._rules = [
            _BoundedOverlap if rule is OverlappingFieldsCanBeMergedRule else rule
            for rule in (*specified_rules, *recommended_rules)
        ]
        if not introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)
        self._kept: OrderedDict[str, Document] = OrderedDict()

    def read(self, text: str) -> Document:
        """Parse and check `text`, or take it from the cache. Raises `Rejected`."""
        if len(text) > MAX_DOCUMENT_LENGTH:
            raise _rejected(f"A document may have at most {MAX_DOCUMENT_LENGTH} characters.")
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            return kept
        if text.count("\n") + text.count("\r") >= MAX_LINES:
            raise _rejected(f"A document may have at most {MAX_LINES} lines.")
        document = self._valid(_parsed(text))
        if not _has_literal_text(document.node):
            self._kept[text] = document
            if len(self._kept) > _MAX_CACHED:
                self._kept.popitem(last=False)
        return document

    def _valid(self, node: DocumentNode) -> Document:
        # Count before validating: some validation rules are quadratic in the number of aliases.
        if _count_aliases(node) > MAX_ALIASES:
            raise _rejected(f"A document may have at most {MAX_ALIASES} aliases.")
        errors = validate(
            self._schema,
            node,
            self._rules,
            max_errors=_MAX_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
        if errors:
            raise Rejected("GRAPHQL_VALIDATION_FAILED", errors)
        document = _document(node)
        for operation in document.operations:
            _check_shape(operation, document.fragments)
        return document


class _BoundedOverlap(OverlappingFieldsCanBeMergedRule):
    """graphql-core's rule with a smaller budget: it compares each pair of equal fields."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = _MAX_COMPARING


def _parsed(text: str) -> DocumentNode:
    try:
        return parse(
            Source(text, _SOURCE),
            max_lexical_tokens=MAX_LEXICAL_TOKENS,
            max_comments=_MAX_COMMENTS,
            allow_empty_selection_sets=False,
        )
    except GraphQLError as error:
        raise Rejected("GRAPHQL_PARSE_FAILED", [error]) from None


def _document(node: DocumentNode) -> Document:
    definitions = node.definitions
    return Document(
        node,
        tuple(one for one in definitions if isinstance(one, OperationDefinitionNode)),
        {one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)},
    )


def _check_shape(
    operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]
) -> None:
    if _depth(operation.selection_set, fragments) > MAX_DEPTH:
        raise _rejected(f"A query may be at most {MAX_DEPTH} fields deep.")
    if operation.operation is OperationType.SUBSCRIPTION:
        raise _rejected("There are no subscriptions.")
    if operation.operation is OperationType.MUTATION and _root_fields(operation, fragments) != 1:
        raise _rejected("A mutation has one field: each change is a request of its own.")


def _depth(selected: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> int:
    """Depth of the deepest field. Skips introspection, which graphql-core limits itself."""

    def depth(selection: SelectionNode, below: Below) -> int:
        if isinstance(selection, FieldNode):
            hidden = selection.name.value.startswith("__")
            return 0 if hidden else 1 + below(selection.selection_set)
        return below(getattr(selection, "selection_set", None))

    return measure(selected, fragments, depth, lambda depths: max(depths, default=0))


def _root_fields(
    operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]
) -> int:
    """Count the root fields of an operation, once per spread."""

    def count(selection: SelectionNode, below: Below) -> int:
        if isinstance(selection, FieldNode):
            return 1
        return below(getattr(selection, "selection_set", None))

    return measure(operation.selection_set, fragments, count, sum)


def measure(
    selected: SelectionSetNode,
    fragments: dict[str, FragmentDefinitionNode],
    of_one: Callable[[SelectionNode, Below], int],
    combine: Callable[[list[int]], int],
) -> int:
    """Measure a selection set. Visits each fragment once, however often it is spread."""
    known: dict[str, int] = {}

    def one(selection: SelectionNode) -> int:
        if not isinstance(selection, FragmentSpreadNode):
            return of_one(selection, all_of)
        name = selection.name.value
        if name not in known:
            known[name] = all_of(fragments[name].selection_set)
        return known[name]

    def all_of(chosen: SelectionSetNode | None) -> int:
        return combine([one(selection) for selection in chosen.selections]) if chosen else 0

    return all_of(selected)


def _count_aliases(node: DocumentNode) -> int:
    count = 0

    class Counter(Visitor):
        def enter_field(self, field: FieldNode, *_: Any) -> None:
            nonlocal count
            count += field.alias is not None

    visit(node, Counter())
    return count


def _has_literal_text(node: DocumentNode) -> bool:
    found = False

    class Finder(Visitor):
        def enter_string_value(self, _value: StringValueNode, *_: Any) -> None:
            nonlocal found
            found = True

    visit(node, Finder())
    return found


def _rejected(message: str) -> Rejected:
    return Rejected("GRAPHQL_VALIDATION_FAILED", [Limit(message)])
