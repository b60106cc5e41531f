"""Reading an OpenAPI document: one permission per operation, and a reason for each that is none."""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

from server.catalogue.catalogue import Catalogue
from server.catalogue.matching import canonical_path
from server.catalogue.permissions import CatalogueError, Category, Permission, Refusal
from server.catalogue.servers import base_of

DEFAULT_DOCUMENT = Path(__file__).parent / "iru_endpoint.json"
_MOST_BYTES = 32 * 1024 * 1024
_MOST_DEPTH = 100
_MOST_MERGED, _MOST_ALIASES = 100_000, 100_000
_MOST_NAME, _MOST_KEY = 200, 512
_METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace", "query")
_VERSION = re.compile(r"3\.[012](\..*)?")
_SEGMENT = re.compile(r"([A-Za-z0-9\-._~!$&'()*+,=:@]|%[0-9A-F]{2}|\{[^{}/?#\x00-\x1f\x7f]+\})*")
_UNTAGGED = "Other"


def read_catalogue(path: Path | None) -> Catalogue:
    """The catalogue of an OpenAPI 3.0, 3.1 or 3.2 document in JSON or YAML.

    path: None is the document that ships. Raises `CatalogueError` for what is no such document;
    parts that cannot be used are among the catalogue's `refusals`.
    """
    document = _load(path or DEFAULT_DOCUMENT)
    if not isinstance(document, dict) or not _VERSION.fullmatch(str(document.get("openapi"))):
        raise CatalogueError("The document is not OpenAPI 3.0, 3.1 or 3.2.")
    return _Reader(document).read()


def _load(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise CatalogueError(f"The document cannot be read: {error.strerror}.") from None
    if len(content) > _MOST_BYTES:
        raise CatalogueError("The document is larger than 32 MiB.")
    try:
        return json.loads(content, object_pairs_hook=_Object)
    except RecursionError:
        raise CatalogueError("The document is nested too deeply.") from None
    except ValueError:
        return _load_yaml(content)


class _Object(dict[Any, Any]):
    """An object that knows which of its names stood in the document twice."""

    def __init__(self, pairs: Iterable[tuple[Any, Any]] = ()) -> None:
        super().__init__()
        self.twice: list[Any] = []
        for name, value in pairs:
            if name in self:
                self.twice.append(name)
            self[name] = value


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader that makes `_Object`s, and of merge keys no more than memory can hold."""

    merged = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        before = len(node.value)
        super().flatten_mapping(node)
        self.merged += max(0, len(node.value) - before)
        if self.merged > _MOST_MERGED:
            raise CatalogueError("The document merges too much into its mappings.")


def _construct_object(loader: _Loader, node: yaml.MappingNode) -> Iterator[_Object]:
    made = _Object()
    yield made  # before its members: they may refer to it
    merged = [key for key, _ in node.value if key.tag == "tag:yaml.org,2002:merge"]
    loader.flatten_mapping(node)
    pairs = [(_key(loader.construct_object(k, deep=True)), k, v) for k, v in node.value]
    for name, _, value in pairs:
        # What is merged stands first, and may be said anew.
        if name in made and not merged:
            made.twice.append(name)
        made[name] = loader.construct_object(value, deep=True)


def _key(name: Any) -> Any:
    return name if isinstance(name, str | int | float | bool | None) else str(name)


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_object)


def _load_yaml(content: bytes) -> Any:
    try:
        depth = aliases = 0
        for event in yaml.parse(content, Loader=_Loader):
            aliases += isinstance(event, yaml.AliasEvent)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _MOST_DEPTH or aliases > _MOST_ALIASES:
                raise CatalogueError("The document is nested too deeply, or has too many aliases.")
        return yaml.load(content, Loader=_Loader)  # noqa: S506 - made of one of the safe loaders
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        raise CatalogueError("The document is neither JSON nor YAML.") from None


class _Reader:
    """Reads one document; collects what it refuses."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._refusals: list[Refusal] = []
        self._shapes: dict[tuple[str, str], str] = {}
        self._document_bases: tuple[str, ...] = ()

    def read(self) -> Catalogue:
        info = self._document.get("info")
        title = _clean(info.get("title") if isinstance(info, dict) else None) or "API"
        self._refuse_twice(self._document, [])
        self._document_bases = self._bases(self._document, [], ("",))
        found: dict[str, list[Permission]] = {name: [] for name in self._tags()}
        for permission in self._permissions():
            found.setdefault(permission.category, []).append(permission)
        categories = tuple(Category(name, tuple(held)) for name, held in found.items() if held)
        return Catalogue.of(title, categories, tuple(self._refusals))

    def _tags(self) -> Iterator[str]:
        tags = self._document.get("tags")
        for tag in tags if isinstance(tags, list) else []:
            if name := _clean(tag.get("name") if isinstance(tag, dict) else None):
                yield name

    def _permissions(self) -> Iterator[Permission]:
        paths = self._document.get("paths", {})
        if not isinstance(paths, dict):
            self._refuse(["paths"], "`paths` must be an object.")
            return
        self._refuse_twice(paths, ["paths"])
        for path, item in paths.items():
            if str(path).startswith("x-"):
                continue
            reason = _path_fault(path)
            if reason:
                self._refuse(["paths", str(path)], reason)
                continue
            yield from self._of_path(path, item)

    def _of_path(self, path: str, item: Any) -> Iterator[Permission]:
        pointer = ["paths", path]
        resolved = self._resolve(item, pointer)
        if resolved is None:
            return
        self._refuse_twice(item, pointer)
        bases = self._bases(resolved, pointer, self._document_bases)
        for method, operation in resolved.items():
            if method in _METHODS:
                yield from self._permission(path, method, operation, [*pointer, method], bases)
            elif str(method).lower() in _METHODS:
                self._refuse([*pointer, str(method)], "The names of methods are in lower case.")
        extra = resolved.get("additionalOperations")
        for method in extra if isinstance(extra, dict) else ():
            self._refuse(
                [*pointer, "additionalOperations", str(method)],
                "Only the methods of HTTP that OpenAPI names can be granted.",
            )

    def _resolve(self, item: Any, pointer: list[str]) -> dict[str, Any] | None:
        """The path item, its local references followed; what stands beside them adds to it."""
        merged: dict[str, Any] = {}
        for _ in range(_MOST_DEPTH):
            if not isinstance(item, dict):
                self._refuse(pointer, "A path item must be an object.")
                return None
            merged = item | merged
            reference = merged.pop("$ref", None)
            if reference is None:
                return merged
            item = self._target(reference)
            if item is None:
                self._refuse([*pointer, "$ref"], "The reference leads nowhere in this document.")
                return None
        self._refuse([*pointer, "$ref"], "The references go round in a circle.")
        return None

    def _target(self, reference: Any) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return None
        target: Any = self._document
        for part in reference[2:].split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, dict) or name not in target:
                return None
            target = target[name]
        return target

    def _permission(
        self, path: str, method: str, operation: Any, pointer: list[str], bases: tuple[str, ...]
    ) -> Iterator[Permission]:
        if not isinstance(operation, dict):
            self._refuse(pointer, "An operation must be an object.")
            return
        key = f"{method.upper()} {path}"
        if len(key) > _MOST_KEY:
            self._refuse(pointer, f"Method and path have more than {_MOST_KEY} characters.")
            return
        bases = self._bases(operation, pointer, bases)
        shapes = [(method, _shape(base + path)) for base in bases]
        taken = [self._shapes[shape] for shape in shapes if shape in self._shapes]
        if taken:
            self._refuse(pointer, f"It cannot be told from {taken[0]}.")
            return
        self._shapes.update(dict.fromkeys(shapes, key))
        name = _clean(operation.get("summary")) or _clean(operation.get("operationId")) or key
        if bases:
            yield Permission(key, name, method.upper(), path, _first_tag(operation), bases=bases)

    def _bases(
        self, part: dict[str, Any], pointer: list[str], inherited: tuple[str, ...]
    ) -> tuple[str, ...]:
        """The base paths of the servers that a part of the document names, or those it inherits."""
        servers = part.get("servers")
        if servers is None or servers == []:
            return inherited
        if not isinstance(servers, list):
            self._refuse([*pointer, "servers"], "`servers` must be a list.")
            return ()
        bases: dict[str, None] = {}
        for place, server in enumerate(servers):
            base, fault = base_of(server)
            fault = fault or (_path_fault(base) if base else None)
            if fault:
                self._refuse([*pointer, "servers", str(place)], fault)
            else:
                bases[base] = None
        return tuple(bases)

    def _refuse_twice(self, part: Any, pointer: list[str]) -> None:
        for name in getattr(part, "twice", ()):
            self._refuse([*pointer, str(name)], "It stands here twice; the last one counts.")

    def _refuse(self, pointer: list[str], reason: str) -> None:
        parts = (part.replace("~", "~0").replace("/", "~1") for part in pointer)
        self._refusals.append(Refusal("/" + "/".join(parts), reason))


def _path_fault(path: Any) -> str | None:
    """Why a path template cannot be matched safely; None if it can."""
    if not isinstance(path, str) or not path.startswith("/"):
        return "A path must start with a slash."
    segments = path[1:].split("/")
    if any(not segment for segment in segments[:-1]):
        return "A path must not have empty segments."
    if any(segment in {".", ".."} for segment in segments):
        return "A path must not have dot segments."
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        return "A path must be made of plain characters and {parameters}."
    if any(segment.count("{") > 1 for segment in segments):
        return "A segment of a path must not have several parameters."
    if canonical_path(re.sub(r"\{[^{}]*\}", "x", path)) is None:
        return "A path must be in canonical form."
    names = re.findall(r"\{([^{}]*)\}", path)
    if len(names) != len(set(names)):
        return "A path must not name a parameter twice."
    return None


def _shape(path: str) -> str:
    """What a template matches, whatever its parameters are called and characters are escaped."""
    return unquote(re.sub(r"\{[^{}]*\}", "{}", path))


def _first_tag(operation: dict[str, Any]) -> str:
    tags = operation.get("tags")
    return (_clean(tags[0]) if isinstance(tags, list) and tags else "") or _UNTAGGED


def _clean(text: Any) -> str:
    """A name fit to show: one line, one normal form, nothing invisible."""
    if not isinstance(text, str):
        return ""
    visible = "".join(c for c in text if not unicodedata.category(c).startswith("C"))
    return unicodedata.normalize("NFC", visible).strip()[:_MOST_NAME]
