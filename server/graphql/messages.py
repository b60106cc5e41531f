"""An allow-list of graphql-core's messages, which strips values from them.

graphql-core quotes the request, and a value may be a secret. A message that matches a shape of the
list keeps its names and types and loses its other quotations; any other message is replaced by one
general sentence. Shapes match from the beginning, and no expression can match a text in two ways,
so that the cost is linear in the message's length.
"""

import re
from dataclasses import dataclass

from graphql import print_introspection_schema

from server.graphql.schema import CORE_SCHEMA, sdl
from server.passwords import MIN_LENGTH

GENERAL = "The request is not valid GraphQL."
_REST = "…"
_NAME = "[_A-Za-z][_0-9A-Za-z]*+"
_PATTERNS = {
    "name": _NAME,
    "type": r"\[*+[_A-Za-z][_0-9A-Za-z]*+[\]!]*+",
    "number": "[0-9]++",
    "token": r"(?:'[^'\w]{1,3}'|<EOF>|[A-Z][A-Za-z]*+|'[a-z]++')",
    "path": rf"(?: at (?:\.{_NAME}|\[[0-9]++\])++)?+",
    "hint": rf"(?: Did you mean (?:[a-z ]++)?+'{_NAME}'(?:,?+ (?:or )?+'{_NAME}')*+\?)?+",
}
_SLOT = re.compile(r"\{(\w+)\}")
_WORD = re.compile(_NAME)
_QUOTED_WORD = re.compile(f"'({_NAME})'")
# No secret is shorter than this: show longer words only if the schema has them.
_LONG_WORD = re.compile(rf"[_0-9A-Za-z]{{{MIN_LENGTH},}}+")
_WORDS = frozenset(_WORD.findall(sdl() + print_introspection_schema(CORE_SCHEMA)))

_SYNTAX = """
Document contains more than {number} tokens. Parsing aborted.
Document contains more than {number} comments. Parsing aborted.
Document is nested too deeply. Parsing aborted.
Unterminated string.
Invalid character within String…
Invalid Unicode escape sequence…
Invalid character escape sequence…
Invalid number, expected digit before '.'…
Invalid number, unexpected digit after 0…
Invalid number, expected digit…
Unexpected '..', did you mean '...'?
Unexpected single quote character ('), did you mean to use a double quote (")?
Unexpected character…
Invalid character…
Unexpected variable '${name}' in constant value.
Unexpected description, descriptions are not supported on shorthand queries.
Unexpected description, only GraphQL definitions support descriptions.
Expected {token}…
Unexpected {token}…
"""
_VALIDATION = """
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
Cannot spread fragment '{name}' within itself…
Maximum introspection depth exceeded…
GraphQL introspection has been disabled, but the requested query contained the field '{name}'.
Variable '${name}' is not defined.
Variable '${name}' is not defined by operation '{name}'.
Variable '${name}' is never used.
Variable '${name}' is never used in operation '{name}'.
Variable '${name}' cannot be non-input type '{type}'.
Variable '${name}' of type '{type}' used in position expecting type '{type}'.
Fields '{name}' conflict because '{name}' and '{name}' are different fields…
Fields '{name}' conflict because they have differing arguments…
Fields '{name}' conflict because they return conflicting types '{type}' and '{type}'…
Fields '{name}' conflict…
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
_VALUES = """
Int cannot represent non-integer value…
Int cannot represent non 32-bit signed integer value…
String cannot represent a non string value…
Boolean cannot represent a non boolean value…
ID cannot represent a non-string and non-integer value…
ID cannot represent value…
DateTime must be an RFC 3339 instant with an offset.
DateTime must be an instant of the calendar.
DateTime cannot represent value…
Enum '{name}' cannot represent non-string value…
Enum '{name}' cannot represent non-enum value…
Expected a value of non-null type '{type}' to be provided.
Expected value of non-null type '{type}' not to be None.
Expected value of type '{type}' to be an object…
Expected value of type '{type}' to include required field '{name}'…
Expected value of type '{type}' not to include unknown field '{name}'.{hint}…
Expected value of type '{type}' not to include unknown field '{name}'…
Expected value of type '{type}' not to include unknown field…
Expected variable '${name}' provided to type '{type}' to provide a runtime value.
Expected variable '${name}' provided to non-null type '{type}' not to be None.
Expected value of type '{type}'…
"""
_REQUESTS = """
Too many errors processing variables, error limit reached. Execution aborted.
Variable values are nested too deeply.
Variable '${name}' expected value of type '{type}' which cannot be used as an input type.
Argument '{name}' of required type '{type}' was not provided.
"""
# Prefixes of a value's message.
_PLACES = """
Variable '${name}' has invalid value{path}:…
Variable '${name}' has invalid default value{path}:…
Argument '{name}' has invalid value{path}:…
"""
_NO_SUCH_VALUE = "' does not exist in '"


@dataclass(frozen=True, slots=True)
class _Shape:
    """A message as fixed text around slots; `open` if a hidden remainder follows."""

    fixed: tuple[str, ...]
    slots: tuple[str, ...]
    pattern: re.Pattern[str]
    open: bool

    @classmethod
    def of(cls, template: str) -> "_Shape":
        parts = _SLOT.split(template.removesuffix(_REST))
        fixed, slots = tuple(parts[::2]), tuple(parts[1::2])
        expression = re.escape(fixed[0])
        for slot, text in zip(slots, fixed[1:], strict=True):
            expression += f"({_PATTERNS[slot]}){re.escape(text)}"
        return cls(fixed, slots, re.compile(expression), template.endswith(_REST))

    def match(self, message: str) -> re.Match[str] | None:
        return self.pattern.match(message) if self.open else self.pattern.fullmatch(message)

    def filled(self, match: re.Match[str]) -> str:
        values = [
            _safe(slot, value) for slot, value in zip(self.slots, match.groups(), strict=True)
        ]
        return self.fixed[0] + "".join(
            value + text for value, text in zip(values, self.fixed[1:], strict=True)
        )


def _shapes(*lists: str, before: str = "") -> list[_Shape]:
    lines = "\n".join(lists).splitlines()
    return [_Shape.of(before + line) for line in lines if line]


_KNOWN = [*_shapes(_SYNTAX, before="Syntax Error: "), *_shapes(_VALIDATION, _REQUESTS, _VALUES)]
_VALUE_SHAPES = _shapes(_VALUES)
_PLACE_SHAPES = _shapes(_PLACES)
_NO_SUCH_VALUE_SHAPE = _Shape.of("{name}' enum.{hint}")


def without_values(message: str) -> str:
    """Strip quoted values from a message of graphql-core; replace an unknown one by `GENERAL`."""
    for place in _PLACE_SHAPES:
        match = place.match(message)
        if match:
            value = _shown(message[match.end() :].lstrip(" "), _VALUE_SHAPES)
            return f"{place.filled(match)} {value}" if value else _ended(place.filled(match))
    return _shown(message, _KNOWN) or GENERAL


def _shown(message: str, shapes: list[_Shape]) -> str | None:
    if message.startswith("Value '"):
        return _shown_enum_value(message)
    for shape in shapes:
        match = shape.match(message)
        if match:
            return _ended(shape.filled(match))
    return None


def _shown_enum_value(message: str) -> str | None:
    # The quoted value may itself contain this sentence: only the last one is graphql-core's.
    start, found, end = message.rpartition(_NO_SUCH_VALUE)
    match = _NO_SUCH_VALUE_SHAPE.match(end) if found else None
    if match is None:
        return None
    value = start.removeprefix("Value '")
    shown = _safe("name", value) if _WORD.fullmatch(value) else _REST
    return f"Value '{shown}{_NO_SUCH_VALUE}{_NO_SUCH_VALUE_SHAPE.filled(match)}"


def _safe(slot: str, value: str) -> str:
    """Return a slot's value without words that may be secrets."""
    if slot == "hint":
        return value if all(word in _WORDS for word in _QUOTED_WORD.findall(value)) else ""
    return _LONG_WORD.sub(lambda word: word[0] if word[0] in _WORDS else _REST, value)


def _ended(message: str) -> str:
    return message if message.endswith((".", "?")) else f"{message}."
