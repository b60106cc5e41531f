"""The file of an API's description as Python's objects, whether it is JSON or YAML.

What an OpenAPI document means lives in `server.catalogue.document`.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from server.catalogue.formats import by_beginning
from server.catalogue.permissions import CatalogueError

MAX_DEPTH = 100
_MAX_BYTES = 32 * 1024 * 1024
# What keeps a document from taking more memory than its size explains. A part of YAML takes some
# hundred bytes; aliases and merge keys multiply what they name.
_MAX_PARTS, _MAX_ALIASES, _MAX_MERGED = 2_000_000, 100_000, 100_000
_RAML = b"#%RAML"  # it is YAML
_MERGE = "tag:yaml.org,2002:merge"
# Most of these for values that are not of the type which the document says, such as `!!int ""`.
_NO_YAML = (
    yaml.YAMLError,
    RecursionError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
)


def load(path: Path) -> Any:
    """The content of a JSON or YAML file. Raises `CatalogueError` for anything else."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise CatalogueError(f"The document cannot be read: {error.strerror}.") from None
    if len(content) > _MAX_BYTES:
        raise CatalogueError("The document is larger than 32 MiB.")
    return parse(content)


def parse(content: bytes) -> Any:
    """The content of a JSON or YAML text. Raises `CatalogueError` for anything else."""
    try:
        return json.loads(content, object_pairs_hook=_object)
    except RecursionError:
        raise CatalogueError("The document is nested too deeply.") from None
    except ValueError as error:
        return _parse_otherwise(content, error)


def _parse_otherwise(content: bytes, no_json: ValueError) -> Any:
    """The content of a text that is no JSON. Raises `CatalogueError` that says what it is."""
    try:
        found = _load_yaml(content)
    except _NO_YAML as no_yaml:
        looks_like_json = content.lstrip()[:1] in {b"{", b"["}
        fault = _fault_of_json(no_json) if looks_like_json else _fault_of_yaml(no_yaml, content)
        raise CatalogueError(by_beginning(content) or fault) from None
    says = by_beginning(content)
    if says and (not isinstance(found, dict) or content.startswith(_RAML)):
        raise CatalogueError(says)
    return found


def _fault_of_json(error: ValueError) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return "The document is not valid JSON."
    return (
        f"The document is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg}."
    )


def _fault_of_yaml(error: Exception, content: bytes) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        line = content.count(b"\n", 0, error.position) + 1
        return f"The document is not valid YAML: line {line} is not in UTF-8, or holds controls."
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = _one_line(getattr(error, "problem", None) or "a value is not of its type")
    if mark is None:
        return f"The document is not valid YAML: {problem}."
    place = f"line {mark.line + 1}, column {mark.column + 1}"
    return f"The document is not valid YAML: {place}: {problem}."


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:200])


class _Object(dict[Any, Any]):
    """An object that knows which of its names stood in the document twice."""

    twice: Sequence[Any] = ()


def _object(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    marked = _Object(made)
    marked.twice = [name for name, times in Counter(n for n, _ in pairs).items() if times > 1]
    return marked


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader that makes `_Object`s, and of merge keys no more than memory can hold."""

    merged = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        for key, value in node.value:
            if key.tag == _MERGE:
                self._count(value.value if isinstance(value, yaml.SequenceNode) else [value])
        super().flatten_mapping(node)

    def _count(self, parts: list[yaml.Node]) -> None:
        """What is to be merged is counted before it is: one list may name one mapping often."""
        for part in parts:
            if isinstance(part, yaml.MappingNode):
                self.flatten_mapping(part)
                self.merged += len(part.value)
            if self.merged > _MAX_MERGED:
                raise CatalogueError("The document merges too much into its mappings.")


def _construct_object(loader: _Loader, node: yaml.MappingNode) -> Iterator[_Object]:
    made = _Object()
    yield made  # before its members: they may refer to it
    merged = [key for key, _ in node.value if key.tag == _MERGE]
    loader.flatten_mapping(node)
    twice = []
    pairs = [(_key(loader.construct_object(k, deep=True)), k, v) for k, v in node.value]
    for name, _, value in pairs:
        # What is merged stands first, and may be said anew.
        if name in made and not merged:
            twice.append(name)
        made[name] = loader.construct_object(value, deep=True)
    if twice:
        made.twice = twice


def _key(name: Any) -> Any:
    return name if isinstance(name, str | int | float | bool | None) else str(name)


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_object)


def _load_yaml(content: bytes) -> Any:
    depth = aliases = 0
    for parts, event in enumerate(yaml.parse(content, Loader=_Loader)):
        aliases += isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or aliases > _MAX_ALIASES:
            raise CatalogueError("The document is nested too deeply, or has too many aliases.")
        if parts > _MAX_PARTS:
            raise CatalogueError(f"The document has more than {_MAX_PARTS:,} parts.")
    return yaml.load(content, Loader=_Loader)  # noqa: S506 - made of one of the safe loaders


def names_twice(part: Any) -> Sequence[Any]:
    """The names that stand more than once in an object of a document."""
    return part.twice if isinstance(part, _Object) else ()
