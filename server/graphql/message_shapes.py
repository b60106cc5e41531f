"""The messages of graphql-core 3.3 that clients may see, one a line. `messages` matches them.

A template shows its text up to `|`; the rest must follow, but is not shown. Slots are `{name}` and
`{type}` (only names of the schema are shown), `{number}`, `{token}`, `{path}`, `{hint}`, and
`{value}` for a quotation, which is last and never shown.
"""

SYNTAX = """
Document contains more than {number} tokens. Parsing aborted.
Document contains more than {number} comments. Parsing aborted.
Document is nested too deeply. Parsing aborted.
Unterminated string.
Invalid character within String|: {value}
Invalid Unicode escape sequence|: {value}
Invalid character escape sequence|: {value}
Invalid number, expected digit before '.'|, did you mean {value}
Invalid number, unexpected digit after 0|: {value}
Invalid number, expected digit| but got: {value}
Unexpected '..', did you mean '...'?
Unexpected single quote character ('), did you mean to use a double quote (")?
Unexpected character|: {value}
Invalid character|: {value}
Unexpected variable '${name}' in constant value.
Unexpected description, descriptions are not supported on shorthand queries.
Unexpected description, only GraphQL definitions support descriptions.
Expected {token}|, found {value}
Unexpected {token}.
Unexpected {token}| {value}
"""
VALIDATION = """
Too many validation errors, error limit reached. Validation aborted.
Validation aborted.
Cannot query field '{name}' on type '{type}'.{hint}
Unknown argument '{name}' on field '{type}.{name}'.{hint}
Unknown argument '{name}' on directive '@{name}'.{hint}
Unknown type '{name}'.{hint}
Unknown fragment '{name}'.
Unknown directive '@{name}'.
Directive '@{name}' may not be used on {name}.
The directive '@{name}' can only be used once at this location.
The '{name}' definition is not executable.
The {name} definition is not executable.
The {name} operation is not supported by the schema.
This anonymous operation must be the only defined operation.
Fragment cannot condition on non composite type '{type}'.
Fragment '{name}' cannot condition on non composite type '{type}'.
Fragment cannot be spread here as objects of type '{type}' can never be of type '{type}'.
Fragment '{name}' cannot be spread here as objects of type '{type}' can never be of type '{type}'.
Fragment '{name}' is never used.
Cannot spread fragment '{name}' within itself.
Cannot spread fragment '{name}' within itself| via {value}
Maximum introspection depth exceeded
GraphQL introspection has been disabled, but the requested query contained the field '{name}'.
Variable '${name}' is not defined.
Variable '${name}' is not defined by operation '{name}'.
Variable '${name}' is never used.
Variable '${name}' is never used in operation '{name}'.
Variable '${name}' cannot be non-input type '{type}'.
Variable '${name}' of type '{type}' used in position expecting type '{type}'.
Fields '{name}' conflict because '{name}' and '{name}' are different fields|. Use {value}
Fields '{name}' conflict because they have differing arguments|. Use {value}
Fields '{name}' conflict because they return conflicting types '{type}' and '{type}'|. Use {value}
Fields '{name}' conflict| because {value}
Argument '{type}.{name}({name}:)' of type '{type}' is required, but it was not provided.
Argument '@{name}({name}:)' of type '{type}' is required, but it was not provided.
Field '{name}' must not have a selection since type '{type}' has no subfields.
Field '{name}' of type '{type}' must have a selection of subfields. Did you mean '{name} { ... }'?
Field '{name}' of type '{type}' must have at least one field selected.
There can be only one operation named '{name}'.
There can be only one fragment named '{name}'.
There can be only one variable named '${name}'.
There can be only one argument named '{name}'.
There can be only one input field named '{name}'.
"""
VALUES = """
Int cannot represent non-integer value|: {value}
Int cannot represent non 32-bit signed integer value|: {value}
String cannot represent a non string value|: {value}
Boolean cannot represent a non boolean value|: {value}
ID cannot represent a non-string and non-integer value|: {value}
ID cannot represent value|: {value}
DateTime must be an RFC 3339 instant with an offset.
DateTime must be an instant of the calendar.
DateTime cannot represent value|: {value}
Enum '{name}' cannot represent non-string value|: {value}
Enum '{name}' cannot represent non-enum value|: {value}
Expected a value of non-null type '{type}' to be provided.
Expected value of non-null type '{type}' not to be None.
Expected value of type '{type}' to be an object|, found: {value}
Expected value of type '{type}' to include required field '{name}'|, found: {value}
Expected value of type '{type}' not to include unknown field '{name}'.{hint}| Found: {value}
Expected value of type '{type}' not to include unknown field '{name}'|, found: {value}
Expected value of type '{type}' not to include unknown field| '{value}
Expected variable '${name}' provided to type '{type}' to provide a runtime value.
Expected variable '${name}' provided to non-null type '{type}' not to be None.
Expected value of type '{type}'|, found: {value}
Expected value of type '{type}'|, but encountered error {value}
"""
REQUESTS = """
Too many errors processing variables, error limit reached. Execution aborted.
Variable values are nested too deeply.
Variable '${name}' expected value of type '{type}' which cannot be used as an input type.
Argument '{name}' of required type '{type}' was not provided.
"""
# Beginnings of a message about a value.
PLACES = (
    "Variable '${name}' has invalid value{path}: ",
    "Variable '${name}' has invalid default value{path}: ",
    "Argument '{name}' has invalid value{path}: ",
)
