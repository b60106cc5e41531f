"""Recipes: the permissions that a program needs, and why, from a folder of YAML files.

A recipe grants nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

import models

DEFAULT_FOLDER = Path(__file__).parent / "recipes_iru"
MAX_RECIPES = 200
_MAX_BYTES = 256 * 1024
_MAX_PERMISSIONS = 1_000
_MAX_VERSION = 1_000_000
_LONGEST = {"name": 100, "vendor": 100, "description": 1_000, "key": 512, "why": 300}
_FIELDS = ("name", "vendor", "version", "description", "permissions")
_FIELDS_OF_PERMISSION = ("key", "why")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_KEY = re.compile(r"[A-Z]{3,7} /[!-~]*")
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Members of a file by name, each with the line where it stands.
_Members = dict[str, yaml.Node]


class RecipeError(Exception):
    """A recipe cannot be used; the message names the file, the line and the field."""


@dataclass(frozen=True, slots=True)
class Needed:
    """A permission that a recipe asks for, by its key, and why."""

    key: str
    why: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """The permissions that a program needs. slug: the name of its file. version: counts its
    changes.
    """

    slug: str
    name: str
    vendor: str
    version: int
    description: str
    permissions: tuple[Needed, ...]


def read_recipes(folder: Path) -> tuple[Recipe, ...]:
    """The recipes of a folder, by name. Raises `RecipeError`.

    Other files than `*.yaml` and `*.yml` are not read.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"})
    except OSError as error:
        raise RecipeError(f"The folder cannot be read: {error.strerror}.") from None
    if len(files) > MAX_RECIPES:
        raise RecipeError(f"The folder has more than {MAX_RECIPES} recipes.")
    recipes = [_read(path) for path in files]
    slugs = [one.slug for one in recipes]
    if twice := next((slug for slug in slugs if slugs.count(slug) > 1), None):
        raise RecipeError(f"The folder has two recipes of the name {twice}.")
    return tuple(sorted(recipes, key=lambda one: (one.name.casefold(), one.slug)))


def _read(path: Path) -> Recipe:
    if not _SLUG.fullmatch(path.stem):
        raise RecipeError(
            f"{path.name!r}: a file's name has 1 to 63 lower-case letters, digits and hyphens."
        )
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise RecipeError(f"{path.name} cannot be read: {error.strerror}.") from None
    if len(content) > _MAX_BYTES:
        raise RecipeError(f"{path.name} is larger than 256 KiB.")
    return _File(path.name).recipe(path.stem, content)


class _File:
    """Reads the content of one file, and names it in each fault."""

    def __init__(self, name: str) -> None:
        self._name = name

    def recipe(self, slug: str, content: bytes) -> Recipe:
        """The recipe. Raises `RecipeError`."""
        members = self._members(self._root(content), "the file", _FIELDS)
        needed = tuple(self._needed(members["permissions"]))
        return Recipe(
            slug,
            self._text(members["name"], "name"),
            self._text(members["vendor"], "vendor"),
            self._version(members["version"]),
            self._text(members["description"], "description"),
            needed,
        )

    def _root(self, content: bytes) -> yaml.Node | None:
        try:
            # Nodes alone: an alias names a node and copies nothing.
            return yaml.compose(content, Loader=_PARSER)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark else 1
            raise RecipeError(f"{self._name}: line {line}: this is not valid YAML.") from None
        except (RecursionError, ValueError):
            raise RecipeError(f"{self._name}: this is not valid YAML.") from None

    def _fault(self, node: yaml.Node | None, field: str, says: str) -> RecipeError:
        line = node.start_mark.line + 1 if node else 1
        return RecipeError(f"{self._name}: line {line}: {field}: {says}")

    def _members(self, node: yaml.Node | None, place: str, names: tuple[str, ...]) -> _Members:
        """The members of a mapping that has exactly these."""
        if not isinstance(node, yaml.MappingNode):
            raise self._fault(node, place, f"give {', '.join(names)}.")
        found: _Members = {}
        for name, value in node.value:
            if name.value not in names or name.value in found:
                raise self._fault(name, place, f"give each of {', '.join(names)} once.")
            found[name.value] = value
        if missing := [name for name in names if name not in found]:
            raise self._fault(node, missing[0], "it is missing.")
        return found

    def _text(self, node: yaml.Node, field: str) -> str:
        most = _LONGEST[field.rpartition(".")[2]]
        text = node.value.strip() if isinstance(node, yaml.ScalarNode) else ""
        if not 1 <= len(text) <= most or not text.isprintable():
            raise self._fault(node, field, f"give 1 to {most} characters on one line.")
        return text

    def _version(self, node: yaml.Node) -> int:
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(_MAX_VERSION))
        if not is_number or not 1 <= int(text) <= _MAX_VERSION:
            raise self._fault(node, "version", f"give a whole number from 1 to {_MAX_VERSION}.")
        return int(text)

    def _needed(self, node: yaml.Node) -> Iterator[Needed]:
        entries = node.value if isinstance(node, yaml.SequenceNode) else []
        if not 1 <= len(entries) <= _MAX_PERMISSIONS:
            raise self._fault(node, "permissions", f"give a list of 1 to {_MAX_PERMISSIONS}.")
        shapes: set[str] = set()
        for place, entry in enumerate(entries):
            field = f"permissions[{place}]"
            members = self._members(entry, field, _FIELDS_OF_PERMISSION)
            key = self._text(members["key"], f"{field}.key")
            if not _KEY.fullmatch(key):
                raise self._fault(members["key"], f"{field}.key", "give METHOD /path.")
            if models.shape_of(key) in shapes:
                raise self._fault(members["key"], f"{field}.key", "it is there twice.")
            shapes.add(models.shape_of(key))
            yield Needed(key, self._text(members["why"], f"{field}.why"))
