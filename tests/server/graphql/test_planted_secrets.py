"""No message shows a text of the client: a secret is planted in every position of a request."""

import re
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse
from graphql.execution import get_variable_values

from server.catalogue import read_catalogue
from server.graphql import message_shapes as shapes
from server.graphql.cost import check_cost
from server.graphql.documents import Documents
from server.graphql.errors import Rejected, shown_error
from server.graphql.messages import GENERAL, without_values
from server.graphql.schema import CORE_SCHEMA

SECRET = "hunter2"
# Documents that graphql-core refuses, with the secret as a name.
NAMES = [
    "hunter2",
    "{ hunter2 }",
    "{ viewer { hunter2 } }",
    "{ viewer { id { hunter2 } } }",
    "{ hunter2: viewer }",
    "{ hunter2: viewer { id } hunter2: tenant { id } }",
    "{ viewer(hunter2: 1) { id } }",
    "{ viewer @hunter2 { id } }",
    "{ viewer @skip(hunter2: true) { id } }",
    "{ viewer @skip(if: $hunter2) { id } }",
    "{ ...hunter2 }",
    "{ ... on hunter2 { id } }",
    "{ viewer { id } } fragment hunter2 on Query { viewer { id } }",
    "{ ...hunter2 } fragment hunter2 on Query { ...hunter2 }",
    "{ ...A } fragment A on Query { ...hunter2 } fragment hunter2 on Query { ...A }",
    "{ ...hunter2 } fragment hunter2 on Admin { id }",
    "{ ...hunter2 } fragment hunter2 on Role { id }",
    "{ ...A } fragment A on hunter2 { id }",
    "{ ...hunter2 } " + "fragment hunter2 on Query { viewer { id } } " * 2,
    "query hunter2 { viewer { id } } query hunter2 { viewer { id } }",
    "query hunter2 ($a: Int) { viewer { id } }",
    "query hunter2 { token(id: $a) { id } }",
    "query ($hunter2: Int) { viewer { id } }",
    "query ($hunter2: Int, $hunter2: Int) { tokens(first: $hunter2) { __typename } }",
    "query ($hunter2: Int) { token(id: $hunter2) { id } }",
    "query ($hunter2: Token) { token(id: $hunter2) { id } }",
    "query ($a: hunter2) { token(id: $a) { id } }",
    "query ($a: Int = hunter2) { tokens(first: $a) { __typename } }",
    "query ($a: Int = $hunter2) { tokens(first: $a) { __typename } }",
    "{ tokens(first: hunter2) { __typename } }",
    "{ activity(kind: hunter2) { __typename } }",
    'mutation { createToken(input: {name: "a", hunter2: 1}) { __typename } }',
    "mutation { createToken(input: {hunter2: 1}) { __typename } }",
    "mutation { createToken(input: hunter2) { __typename } }",
    "mutation { hunter2 }",
    "subscription hunter2 { hunter2 }",
    "type hunter2 { a: Int }",
    "directive @hunter2 on FIELD",
    "extend type hunter2 { a: Int }",
    "{ viewer { id } } hunter2",
    "query hunter2 hunter2 { viewer { id } }",
]
# The same with the secret as a text or a number.
VALUES = [
    '{ a "hunter2" }',
    '"hunter2"',
    '{ viewer(a: "hunter2") { id } }',
    '{ tokens(first: "hunter2") { __typename } }',
    '{ tokens(first: """hunter2""") { __typename } }',
    '{ tokens(first: ["hunter2"]) { __typename } }',
    '{ tokens(first: {a: "hunter2"}) { __typename } }',
    '{ activity(kind: "hunter2") { __typename } }',
    '{ nodes(ids: [1.5, "hunter2"]) { id } }',
    '{ tokens { edges { node { usage(since: "hunter2") { allowed } } } } }',
    '{ tokens { edges { node { usage(since: {a: "hunter2"}) { allowed } } } } }',
    'mutation { createToken(input: "hunter2") { __typename } }',
    'mutation { createToken(input: {description: "hunter2"}) { __typename } }',
    'mutation { createToken(input: {name: "hunter2", nam: 1}) { __typename } }',
    'mutation { addAdmin(input: {name: "hunter2", role: NONE}) { __typename } }',
    '{ token(id: "hunter2") { id } token(id: "b") { id } }',
    '{ token(id: "hunter2',
    '{ token(id: "hunter2\\',
    "{ token(id: 'hunter2') { id } }",
    "{ token(id: 0hunter2) { id } }",
    "# hunter2\n{ token(id: .5) { id } }",
    'query ($a: Int = "hunter2") { tokens(first: $a) { __typename } }',
]
# Types of a variable, and values that do not suit them.
VARIABLES: list[tuple[str, Any]] = [
    ("Int", SECRET),
    ("[Int!]", [1, SECRET]),
    ("[String!]", [{SECRET: SECRET}]),
    ("ID", {SECRET: 1}),
    ("Role", SECRET),
    ("Role", f"' does not exist in 'Role' enum. Did you mean '{SECRET}'?"),
    ("Role", [SECRET]),
    ("DateTime", SECRET),
    ("CreateTokenInput", SECRET),
    ("CreateTokenInput!", None),
    ("CreateTokenInput", {"description": SECRET}),
    ("CreateTokenInput", {"name": "a", SECRET: 1}),
    ("CreateTokenInput", {"name": "a", f"nam'. Did you mean '{SECRET}'? Found: ": 1}),
    ("CreateTokenInput", {"name": {SECRET: SECRET}}),
    ("CreateTokenInput", {"name": "a", "permissions": [SECRET, 1]}),
    ("AddAdminInput", {"email": SECRET, "name": SECRET, "role": SECRET}),
    (SECRET, 1),
]


def _refuse(document: str, *, introspection: bool) -> None:
    """Read a document and estimate its cost, as a request does before it runs."""
    read = Documents(CORE_SCHEMA, introspection=introspection).read(document)
    check_cost(CORE_SCHEMA, read_catalogue(None), read, read.operation(None), {})


@pytest.mark.parametrize("introspection", [True, False])
@pytest.mark.parametrize("document", [*NAMES, *VALUES])
def test_no_message_shows_a_text_of_the_document(document: str, introspection: bool) -> None:
    assert SECRET in document
    with pytest.raises(Rejected) as rejected:
        _refuse(document, introspection=introspection)
    messages = [shown_error(error, "", "")["message"] for error in rejected.value.errors]
    assert messages
    assert not [message for message in messages if SECRET in message]


@pytest.mark.parametrize("name", ["a", SECRET])
@pytest.mark.parametrize(("of_type", "value"), VARIABLES)
def test_no_message_shows_a_variable(of_type: str, value: Any, name: str) -> None:
    operation = parse(f"query (${name}: {of_type}) {{ __typename }}").definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    definitions = operation.variable_definitions or ()
    errors = get_variable_values(CORE_SCHEMA, definitions, {name: value})
    assert isinstance(errors, list)
    for error in errors:
        message = shown_error(error, "", "")["message"]
        assert message.startswith("Variable '$")
        assert SECRET not in message


_TEXTS = {
    "name": SECRET,
    "type": f"[{SECRET}!]!",
    "number": "1",
    "token": f"'{SECRET.rstrip('2')}'",
    "path": f" at .{SECRET}[0]",
    "hint": f" Did you mean '{SECRET}' or 'name'?",
    "value": f"'{SECRET}' \n. Did you mean '{SECRET}'?",
}
_LISTS = {
    "Syntax Error: ": shapes.SYNTAX,
    "": shapes.VALIDATION + shapes.REQUESTS + shapes.VALUES,
    "Variable '$a' has invalid value: ": shapes.VALUES,
}
_TEMPLATES = [
    before + line for before, lines in _LISTS.items() for line in lines.splitlines() if line
]


@pytest.mark.parametrize("template", [*_TEMPLATES, *shapes.PLACES])
def test_every_known_message_hides_its_quoted_values(template: str) -> None:
    """The shapes are exact: text after a known message is not shown."""
    filled = re.sub(r"\{(\w+)\}", lambda slot: _TEXTS[slot[1]], template.replace("|", ""))
    shown = without_values(filled)
    assert shown != GENERAL
    assert "hunter" not in shown
    assert "hunter" not in without_values(f"{filled} {SECRET}")
    assert "hunter" not in without_values(f"{SECRET}{filled}")


def test_a_hint_shows_names_of_the_schema_only() -> None:
    message = "Cannot query field 'a' on type 'Query'. Did you mean '{}' or 'tokens'?"
    assert without_values(message.format("token")).endswith("Did you mean 'token' or 'tokens'?")
    assert without_values(message.format(SECRET)) == "Cannot query field '…' on type 'Query'."
