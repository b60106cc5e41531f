"""Loads the file of an API's document, JSON or YAML, as Python objects.

Not here: the meaning of an OpenAPI document (`server.catalogue.reader`).
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from server.catalogue.formats import by_beginning
from server.catalogue.permissions import CatalogueError
from server.catalogue.yaml_objects import Object, build

DEFAULT_DOCUMENT = Path(__file__).parent / "iru_endpoint.json"
_MAX_BYTES = 64 * 1024 * 1024
_RAML = b"#%RAML"  # RAML is YAML
# Decoding in the parser may fail with Python's own ValueError.
_NO_YAML = (yaml.YAMLError, ValueError)


def load(path: Path) -> Any:
    """The content of a JSON or YAML file. Raises `CatalogueError` for anything else."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise CatalogueError(f"The document cannot be read: {error.strerror}.") from None
    if len(content) > _MAX_BYTES:
        raise CatalogueError("The document is larger than 64 MiB.")
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
    """The content of a text that is no JSON. Raises `CatalogueError` that names its format."""
    try:
        found = build(content)
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


def _object(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    marked = Object(made)
    marked.twice = [name for name, times in Counter(n for n, _ in pairs).items() if times > 1]
    return marked


def names_twice(part: Any) -> Sequence[Any]:
    """The names that occur more than once in an object of a document."""
    return part.twice if isinstance(part, Object) else ()
