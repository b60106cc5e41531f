"""The permissions that a change asks for: keys of the catalogue, or of the token."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from server.access import followed_categories
from server.access.permission_keys import named_keys, shape_of_key
from server.access.token_filter import MAX_KEY_LENGTH
from server.catalogue import Catalogue
from server.errors import InvalidInput


def known_and_followed(
    catalogue: Catalogue,
    keys: Sequence[str],
    categories: Sequence[str],
    besides: Mapping[str, str] = MappingProxyType({}),
    fields: tuple[str, str] = ("permissions", "followCategories"),
) -> dict[str, str]:
    """`keys`, and those of `categories`, as the catalogue writes them, by their shapes.

    besides: keys that may be kept, also where the catalogue lacks them. Raises `InvalidInput` that
    names each key and category that is not known.
    """
    followed_categories.require_known(catalogue, categories, fields[1])
    followed = followed_categories.keys_in(catalogue, categories)
    return _known(catalogue, keys, besides, fields[0]) | {
        shape_of_key(key): key for key in followed
    }


def _known(
    catalogue: Catalogue,
    keys: Sequence[str],
    besides: Mapping[str, str] = MappingProxyType({}),
    field: str = "permissions",
) -> dict[str, str]:
    """`keys` as the catalogue, or else `besides`, writes them, by their shapes.

    Raises `InvalidInput` that names each one that neither has.
    """
    known: dict[str, str] = {}
    unknown: list[str] = []
    for key in dict.fromkeys(keys):
        shape = shape_of_key(key)
        permission = catalogue.find(key) if len(key) <= MAX_KEY_LENGTH else None
        if permission is not None:
            known[shape] = permission.key
        elif shape in besides:
            known[shape] = besides[shape]
        else:
            unknown.append(key)
    if unknown:
        raise InvalidInput(field, f"No such permission: {named_keys(unknown, keys)}.")
    return known


def refuse_contradiction(grant: Sequence[str], withdraw: Sequence[str]) -> None:
    """Raises `InvalidInput` that names each key in both lists."""
    granted = set(map(shape_of_key, grant))
    both = [key for key in dict.fromkeys(withdraw) if shape_of_key(key) in granted]
    if both:
        raise InvalidInput(
            "withdraw",
            f"A permission cannot be granted and withdrawn: {named_keys(both, withdraw)}.",
        )
