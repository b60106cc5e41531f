"""Builds Python objects while YAML is parsed, without a tree of nodes in memory.

Not here: the file and the wording of its faults (`server.catalogue.loading`).
"""

from collections.abc import Sequence
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from server.catalogue.permissions import CatalogueError

MAX_DEPTH = 100
# These limits bound the memory of a document by its size: aliases and merge keys multiply the
# values that they name ("billion laughs").
_MAX_PARTS, _MAX_ALIASES, _MAX_MERGED = 5_000_000, 100_000, 100_000
_TAG = "tag:yaml.org,2002:"
_COLLECTIONS = {None, "!", *(f"{_TAG}{name}" for name in ("map", "seq", "set", "omap", "pairs"))}
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE = object()
_UNFINISHED = object()


class Fault(yaml.YAMLError):
    """A fault of a YAML text, with its place."""

    def __init__(self, problem: str, event: yaml.Event) -> None:
        super().__init__(problem)
        self.problem = problem
        self.problem_mark: Any = event.start_mark


class Object(dict[Any, Any]):
    """An object with a list of the names that its document repeats in it (`twice`)."""

    twice: Sequence[Any] = ()


class _Scalars:
    """Makes scalar values, and caches them: documents repeat themselves."""

    def __init__(self) -> None:
        self._constructor = SafeConstructor()
        self._resolver: Any = Resolver()
        self._made: dict[tuple[Any, Any, str], Any] = {}

    def of(self, event: yaml.ScalarEvent) -> Any:
        """The value of a scalar, or `_MERGE` for a merge key."""
        key = (event.tag, event.implicit, event.value)
        if key not in self._made:
            self._made[key] = self._make(event)
        return self._made[key]

    def _make(self, event: yaml.ScalarEvent) -> Any:
        tag = event.tag
        if tag in {None, "!"}:
            tag = self._resolver.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag == f"{_TAG}merge":
            return _MERGE
        try:
            return self._constructor.construct_object(yaml.ScalarNode(tag, event.value))
        # Raised mostly by values that do not fit their explicit type, such as `!!int ""`.
        except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise Fault("a value is not of its type, or of none that is known", event) from error
        except ArithmeticError as error:
            raise Fault("a number is too large", event) from error


class _Open:
    """An unfinished collection. `parts` are its items, or names and values in turn."""

    __slots__ = ("anchor", "is_mapping", "parts")

    def __init__(self, anchor: str | None, is_mapping: bool) -> None:
        self.anchor = anchor
        self.is_mapping = is_mapping
        self.parts: list[Any] = []


class _Builder:
    """Builds the value of one document from its events."""

    def __init__(self) -> None:
        self.value: Any = None
        self._scalars = _Scalars()
        self._anchors: dict[str, Any] = {}
        self._open: list[_Open] = []
        self._aliases = self._merged = self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Take the next event."""
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalars.of(event), event.anchor)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            ended = self._open.pop()
            made = self._mapping(ended.parts) if ended.is_mapping else ended.parts
            self._add(made, ended.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._named(event), None)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise CatalogueError("The file holds more than one document.")

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        if event.tag not in _COLLECTIONS:
            raise Fault("a type is unknown", event)
        if len(self._open) >= MAX_DEPTH:
            raise CatalogueError("The document is nested too deeply.")
        if event.anchor is not None:
            self._anchors[event.anchor] = _UNFINISHED
        self._open.append(_Open(event.anchor, isinstance(event, yaml.MappingStartEvent)))

    def _add(self, value: Any, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = value
        if self._open:
            self._open[-1].parts.append(value)
        else:
            self.value = value

    def _named(self, event: yaml.AliasEvent) -> Any:
        self._aliases += 1
        if self._aliases > _MAX_ALIASES:
            raise CatalogueError(f"The document has more than {_MAX_ALIASES:,} aliases.")
        found = self._anchors.get(event.anchor or "", _UNFINISHED)
        if found is _UNFINISHED:
            raise Fault("an alias names nothing that ended before it", event)
        return found

    def _mapping(self, parts: list[Any]) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        twice = []
        for name, value in zip(parts[::2], parts[1::2], strict=True):
            if name is _MERGE:
                merged = self._merge(value) | merged
                continue
            known = name if isinstance(name, str | int | float | bool | None) else _key(name)
            if known in made:
                twice.append(known)
            made[known] = value
        if merged:
            made = merged | made
        if not twice:
            return made
        marked = Object(made)
        marked.twice = twice
        return marked

    def _merge(self, value: Any) -> dict[Any, Any]:
        """The merged mapping. Counts before merging: a list may name one mapping many times."""
        merged: dict[Any, Any] = {}
        for part in reversed(value) if isinstance(value, list) else [value]:
            if not isinstance(part, dict):
                raise CatalogueError("A merge key (`<<`) must have a mapping.")
            self._merged += len(part)
            if self._merged > _MAX_MERGED:
                raise CatalogueError(f"The document merges more than {_MAX_MERGED:,} keys.")
            merged.update(part)
        return merged


def _key(name: Any) -> str:
    # Not `str`: the text of a collection with aliases could be much longer than the document.
    return "a collection" if isinstance(name, dict | list | set | tuple) else str(name)


def build(content: bytes) -> Any:
    """The value of a YAML text. Raises `CatalogueError` if it would take too much memory.

    Raises `yaml.YAMLError` if the text is no YAML.
    """
    builder = _Builder()
    for parts, event in enumerate(yaml.parse(content, Loader=_PARSER)):
        if parts > _MAX_PARTS:
            raise CatalogueError(f"The document has more than {_MAX_PARTS:,} parts.")
        builder.take(event)
    return builder.value
