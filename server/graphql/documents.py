"""Documents: parsed, validated and measured once, then kept. Running them lives in `endpoint`."""

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
    SelectionNode,
    SelectionSetNode,
    Source,
    StringValueNode,
    Visitor,
    parse,
    recommended_rules,
    specified_rules,
    validate,
    value_from_ast_untyped,
    visit,
)

from server.paging import DEFAULT, MOST

MOST_TOKENS = 1_000
MOST_DEPTH = 8
MOST_ALIASES = 15
MOST_NODES = 10_000
_MOST_COMMENTS = 1_000
_MOST_ERRORS = 20
_KEPT = 256
_SOURCE = "GraphQL request"
_CONNECTIONS = {"tokens", "activity", "tokenActivity", "admins"}
# Each connection is a query of its own wherever it stands.
_QUERY_COST = 20
# Lists without pages, and how many objects they are counted as: what is usual, not the most.
_LISTS = {
    "nodes": MOST,
    "permissionCategories": 20,
    "permissions": 20,
    "granted": 20,
    "withdrawn": 20,
    "usage": 40,
    "recentRefusals": 20,
    # Introspection's own.
    "types": 60,
    "fields": 8,
    "args": 2,
    "enumValues": 6,
    "inputFields": 3,
    "possibleTypes": 5,
    "interfaces": 2,
    "directives": 5,
}
_Below = Callable[[SelectionSetNode | None], int]


class Rejected(Exception):
    """A document that will not be run, and why: errors as GraphQL reports them."""

    def __init__(self, code: str, errors: list[GraphQLError]) -> None:
        super().__init__(code)
        self.code = code
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is valid and within the limits."""

    node: DocumentNode
    operations: tuple[OperationDefinitionNode, ...]
    fragments: dict[str, FragmentDefinitionNode]

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to run. Raises `Rejected` unless `name`, or its absence, tells which."""
        if name is None and len(self.operations) != 1:
            raise _rejected("Several operations need an `operationName`.")
        for operation in self.operations:
            if name is None or (operation.name and operation.name.value == name):
                return operation
        raise _rejected("The document has no operation of this `operationName`.")


class Documents:
    """The documents of one schema. Those without literal text are kept, the latest used longest.

    Literal text may be anything, a secret too: such documents are read anew each time.
    """

    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        self._schema = schema
        self._hide_suggestions = not introspection
        self._rules = [*specified_rules, *recommended_rules]
        if not introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)
        self._kept: OrderedDict[str, Document] = OrderedDict()

    def read(self, text: str) -> Document:
        """The document that `text` is. Raises `Rejected`."""
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            return kept
        document = self._valid(_parsed(text))
        if not _has_literal_text(document.node):
            self._kept[text] = document
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return document

    def _valid(self, node: DocumentNode) -> Document:
        # Counted before the rules of validation run: some take the square of the aliases' number.
        if _count_aliases(node) > MOST_ALIASES:
            raise _rejected(f"A document may have at most {MOST_ALIASES} aliases.")
        errors = validate(
            self._schema,
            node,
            self._rules,
            max_errors=_MOST_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
        if errors:
            raise Rejected("GRAPHQL_VALIDATION_FAILED", errors)
        document = _document(node)
        for operation in document.operations:
            _check_shape(operation, document.fragments)
        return document


def check_cost(
    document: Document, operation: OperationDefinitionNode, variables: dict[str, Any]
) -> None:
    """Raises `Rejected` if the operation could ask for more than 10,000 objects.

    Counted is what the lists' sizes allow, multiplied along their nesting, and each alias once:
    it makes a field appear again where the schema has it once.
    """
    values = _values(operation, variables)

    def cost(selection: SelectionNode, below: _Below) -> int:
        inside = below(getattr(selection, "selection_set", None))
        if not isinstance(selection, FieldNode):
            return inside
        if selection.name.value in _CONNECTIONS:
            return _QUERY_COST + _page_size(selection, values) * (1 + inside)
        if selection.name.value in _LISTS:
            return _list_size(selection, values) * (1 + inside)
        return inside + (selection.alias is not None)

    if _measure(operation.selection_set, document.fragments, cost, sum) > MOST_NODES:
        raise Rejected(
            "QUERY_TOO_COMPLEX",
            [GraphQLError(f"One request may ask for at most {MOST_NODES} objects of lists.")],
        )


def _parsed(text: str) -> DocumentNode:
    try:
        return parse(
            Source(text, _SOURCE),
            max_lexical_tokens=MOST_TOKENS,
            max_comments=_MOST_COMMENTS,
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
    if _depth(operation.selection_set, fragments) > MOST_DEPTH:
        raise _rejected(f"A query may be at most {MOST_DEPTH} fields deep.")
    if operation.operation is OperationType.SUBSCRIPTION:
        raise _rejected("There are no subscriptions.")
    if operation.operation is OperationType.MUTATION and _root_fields(operation, fragments) != 1:
        raise _rejected("A mutation has one field: each change is a request of its own.")


def _depth(selected: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> int:
    """How many fields lie below each other at most; introspection has a rule of its own."""

    def depth(selection: SelectionNode, below: _Below) -> int:
        if isinstance(selection, FieldNode):
            hidden = selection.name.value.startswith("__")
            return 0 if hidden else 1 + below(selection.selection_set)
        return below(getattr(selection, "selection_set", None))

    return _measure(selected, fragments, depth, lambda depths: max(depths, default=0))


def _root_fields(
    operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]
) -> int:
    """How many fields an operation has at its root, each spread counted."""

    def count(selection: SelectionNode, below: _Below) -> int:
        if isinstance(selection, FieldNode):
            return 1
        return below(getattr(selection, "selection_set", None))

    return _measure(operation.selection_set, fragments, count, sum)


def _measure(
    selected: SelectionSetNode,
    fragments: dict[str, FragmentDefinitionNode],
    measure: Callable[[SelectionNode, _Below], int],
    combine: Callable[[list[int]], int],
) -> int:
    """Measure a selection set, each fragment once however often it is spread."""
    known: dict[str, int] = {}

    def one(selection: SelectionNode) -> int:
        if not isinstance(selection, FragmentSpreadNode):
            return measure(selection, all_of)
        name = selection.name.value
        if name not in known:
            known[name] = all_of(fragments[name].selection_set)
        return known[name]

    def all_of(chosen: SelectionSetNode | None) -> int:
        return combine([one(selection) for selection in chosen.selections]) if chosen else 0

    return all_of(selected)


def _values(operation: OperationDefinitionNode, variables: dict[str, Any]) -> dict[str, Any]:
    """The variables as they will be: those given, over the defaults of the rest."""
    defaults = {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value
    }
    return defaults | variables


def _page_size(field: FieldNode, values: dict[str, Any]) -> int:
    size: Any = DEFAULT
    for argument in field.arguments or ():
        if argument.name.value in {"first", "last"}:
            size = value_from_ast_untyped(argument.value, values)
    return size if isinstance(size, int) and 1 <= size <= MOST else DEFAULT


def _list_size(field: FieldNode, values: dict[str, Any]) -> int:
    for argument in field.arguments or ():
        if argument.name.value == "ids":
            ids = value_from_ast_untyped(argument.value, values)
            return min(len(ids), MOST) if isinstance(ids, list) else 1
    return _LISTS[field.name.value]


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
    return Rejected("GRAPHQL_VALIDATION_FAILED", [GraphQLError(message)])
