"""An allow-list of the messages of graphql-core, without the texts that they quote.

graphql-core quotes the request, and a quoted text may be a secret. A message passes only in the
exact shape of an entry: a name only if the schema has it, and no value. One general sentence
replaces every other message. No shape can match a text in two ways, so that the cost is linear in
the message's length.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    DirectiveLocation,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    TokenKind,
)

from server.graphql.message_shapes import PLACES, REQUESTS, SYNTAX, VALIDATION, VALUES
from server.graphql.schema import CORE_SCHEMA

GENERAL = "The request is not valid GraphQL."
_HIDDEN = "…"
_NAME = "[_A-Za-z][_0-9A-Za-z]*+"
_HINTED = "the enum value |to use an inline fragment on "
_PATTERNS = {
    "name": _NAME,
    "type": r"\[*+[_A-Za-z][_0-9A-Za-z]*+[\]!]*+",
    "number": "[0-9]++",
    "token": r"(?:'[^'\w]{1,3}'|<EOF>|[A-Z][A-Za-z]*+|'[a-z]++')",
    "path": rf"(?: at (?:\.{_NAME}|\[[0-9]++\])++)?+",
    "hint": rf"(?: Did you mean (?:{_HINTED})?+'{_NAME}'(?:,?+ (?:or )?+'{_NAME}')*+\?)?+",
    # Anything: last in its template, and in the part that is not shown.
    "value": "(?s:.*)",
}
_SLOT = re.compile(r"\{(\w+)\}")
_WORD = re.compile(_NAME)
_QUOTED_WORD = re.compile(f"'({_NAME})'")


def _names(schema: GraphQLSchema) -> Iterator[str]:
    """Yield the names of the schema's types, fields, arguments, enum values and directives."""
    for name, of_type in schema.type_map.items():
        yield name
        if isinstance(of_type, GraphQLEnumType):
            yield from of_type.values
        elif isinstance(of_type, GraphQLInputObjectType):
            yield from of_type.fields
        elif isinstance(of_type, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in of_type.fields.items():
                yield field_name
                yield from field.args
    for directive in schema.directives:
        yield directive.name
        yield from directive.args


# With the words of graphql-core's own: kinds of tokens, places of directives, keywords.
_KNOWN_WORDS = frozenset(_names(CORE_SCHEMA)) | {
    *("on", "fragment"),
    *(kind.value for kind in TokenKind),
    *(location.name for location in DirectiveLocation),
    *(location.name.lower() for location in DirectiveLocation),
}


@dataclass(frozen=True, slots=True)
class _Shape:
    """A message as fixed text around slots."""

    fixed: tuple[str, ...]
    slots: tuple[str, ...]
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, template: str) -> "_Shape":
        visible, _, hidden = template.partition("|")
        parts = _SLOT.split(visible)
        return cls(tuple(parts[::2]), tuple(parts[1::2]), re.compile(_expression(visible + hidden)))

    def filled(self, match: re.Match[str]) -> str:
        values = map(_safe, self.slots, match.groups())
        return self.fixed[0] + "".join(
            value + text for value, text in zip(values, self.fixed[1:], strict=True)
        )


def _expression(template: str) -> str:
    parts = _SLOT.split(template)
    return re.escape(parts[0]) + "".join(
        f"({_PATTERNS[slot]}){re.escape(text)}"
        for slot, text in zip(parts[1::2], parts[2::2], strict=True)
    )


def _shapes(*lists: str, before: str = "") -> list[_Shape]:
    lines = "\n".join(lists).splitlines()
    return [_Shape.of(before + line) for line in lines if line]


_KNOWN = [*_shapes(SYNTAX, before="Syntax Error: "), *_shapes(VALIDATION, REQUESTS, VALUES)]
_VALUE_SHAPES = _shapes(VALUES)
_PLACE_SHAPES = [_Shape.of(place) for place in PLACES]
_NO_SUCH_VALUE = "' does not exist in '"
_NO_SUCH_VALUE_SHAPE = _Shape.of("{name}' enum.{hint}")


def without_values(message: str) -> str:
    """Return a message of graphql-core without the quoted texts; `GENERAL` for an unknown one."""
    for place in _PLACE_SHAPES:
        match = place.pattern.match(message)
        if match:
            value = _shown(message[match.end() :], _VALUE_SHAPES)
            shown = place.filled(match)
            return shown + value if value else _ended(shown.removesuffix(": "))
    return _shown(message, _KNOWN) or GENERAL


def _shown(message: str, shapes: list[_Shape]) -> str | None:
    if message.startswith("Value '"):
        return _shown_enum_value(message)
    for shape in shapes:
        match = shape.pattern.fullmatch(message)
        if match:
            return _ended(shape.filled(match))
    return None


def _shown_enum_value(message: str) -> str | None:
    # The quoted value may itself contain this sentence: only the last one is graphql-core's.
    start, found, end = message.rpartition(_NO_SUCH_VALUE)
    match = _NO_SUCH_VALUE_SHAPE.pattern.fullmatch(end) if found else None
    if match is None:
        return None
    value = _safe("name", start.removeprefix("Value '"))
    return f"Value '{value}{_NO_SUCH_VALUE}{_NO_SUCH_VALUE_SHAPE.filled(match)}"


def _safe(slot: str, value: str) -> str:
    """Return a slot's value with only names that are known."""
    if slot == "name":
        return value if value in _KNOWN_WORDS else _HIDDEN
    if slot == "hint":
        known = all(word in _KNOWN_WORDS for word in _QUOTED_WORD.findall(value))
        return value if known else ""
    if slot == "path":
        return " at " + _WORD.sub(_known_word, value.removeprefix(" at ")) if value else ""
    return _WORD.sub(_known_word, value)


def _known_word(word: re.Match[str]) -> str:
    return word[0] if word[0] in _KNOWN_WORDS else _HIDDEN


def _ended(message: str) -> str:
    return message if message.endswith((".", "?")) else f"{message}."
