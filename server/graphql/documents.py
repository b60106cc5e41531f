"""Documents: parsed and validated once, within the `limits`, then cached. `endpoint` runs them."""

from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
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

from server.graphql.errors import Rejected, over_limit
from server.graphql.limits import (
    MAX_COMMENTS,
    MAX_COMPARING,
    MAX_LEXICAL_TOKENS,
    MAX_VALIDATION_ERRORS,
    check_aliases,
    check_length,
    check_lines,
    check_shape,
)
from server.graphql.plans import Plans
from server.internals.graphql_core import limit_comparing

_MAX_CACHED = 256
_SOURCE = "GraphQL request"


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document within the limits."""

    node: DocumentNode
    operations: tuple[OperationDefinitionNode, ...]
    fragments: dict[str, FragmentDefinitionNode]
    # None where fields are selected or not by the variables of each request.
    plans: Plans | None
    # The estimates of `cost`.
    estimates: dict[Any, int] = field(default_factory=dict)
    # The `id()`s of operations without lists whose execution has waited for nothing.
    immediate: set[int] = field(default_factory=set)

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Select the operation to run. Raises `Rejected` unless `name` identifies exactly one."""
        if name is None and len(self.operations) != 1:
            raise over_limit("Several operations need an `operationName`.")
        for operation in self.operations:
            if name is None or (operation.name and operation.name.value == name):
                return operation
        raise over_limit("The document has no operation of this `operationName`.")


class Documents:
    """Reads the documents of one schema, with an LRU cache of those without string literals.

    Both event loops use it: a value that is kept with a document is replaced as a whole.
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
        check_length(text)
        kept = self.kept(text)
        if kept is not None:
            # The other event loop may have dropped it meanwhile.
            with suppress(KeyError):
                self._kept.move_to_end(text)
            return kept
        check_lines(text)
        document = self._valid(_parsed(text))
        if not _has(document.node, StringValueNode):
            self._kept[text] = document
            if len(self._kept) > _MAX_CACHED:
                self._kept.popitem(last=False)
        return document

    def kept(self, text: str) -> Document | None:
        """The document of that text, if it is in the cache."""
        return self._kept.get(text)

    def _valid(self, node: DocumentNode) -> Document:
        # Count before validating: some validation rules are quadratic in the number of aliases.
        check_aliases(node)
        errors = validate(
            self._schema,
            node,
            self._rules,
            max_errors=MAX_VALIDATION_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
        if errors:
            raise Rejected("GRAPHQL_VALIDATION_FAILED", errors)
        document = _document(self._schema, node)
        for operation in document.operations:
            check_shape(operation, document.fragments)
        return document


class _BoundedOverlap(OverlappingFieldsCanBeMergedRule):
    """graphql-core's rule with a smaller budget: it compares each pair of equal fields."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        limit_comparing(self, MAX_COMPARING)


def _parsed(text: str) -> DocumentNode:
    try:
        return parse(
            Source(text, _SOURCE),
            max_lexical_tokens=MAX_LEXICAL_TOKENS,
            max_comments=MAX_COMMENTS,
            allow_empty_selection_sets=False,
        )
    except GraphQLError as error:
        raise Rejected("GRAPHQL_PARSE_FAILED", [error]) from None


def _document(schema: GraphQLSchema, node: DocumentNode) -> Document:
    definitions = node.definitions
    conditional = _has(node, DirectiveNode)
    return Document(
        node,
        tuple(one for one in definitions if isinstance(one, OperationDefinitionNode)),
        {one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)},
        None if conditional else Plans(schema),
    )


def _has(node: DocumentNode, kind: type[Node]) -> bool:
    found = False

    class Finder(Visitor):
        def enter(self, node: Node, *_: Any) -> None:
            nonlocal found
            found = found or isinstance(node, kind)

    visit(node, Finder())
    return found
