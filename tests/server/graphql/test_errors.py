"""Messages of graphql-core lose the values that they quote, and stay of use."""

import pytest

from server.graphql.errors import without_values


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ('Syntax Error: Unexpected String "canary".', "Syntax Error: Unexpected String."),
        (
            'Syntax Error: Expected Name, found String "canary".',
            "Syntax Error: Expected Name.",
        ),
        (
            "Int cannot represent non-integer value: 'canary'",
            "Int cannot represent non-integer value.",
        ),
        (
            "Variable '$input' has invalid value at '.name': String cannot represent a non string"
            " value: {'canary': 1}",
            "Variable '$input' has invalid value at '.name':"
            " String cannot represent a non string value.",
        ),
        (
            "Expected value of non-null type 'String!' not to be None, found: {'canary': 1}.",
            "Expected value of non-null type 'String!' not to be None.",
        ),
        (
            "Cannot query field 'nope' on type 'Query'. Did you mean 'node'?",
            "Cannot query field 'nope' on type 'Query'. Did you mean 'node'?",
        ),
    ],
)
def test_values_are_left_out(message: str, shown: str) -> None:
    assert without_values(message) == shown
