"""Permissions: the operations of the tenant's API, which tokens can be granted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any

import orjson
import strawberry
from strawberry import UNSET

from server import catalogue
from server.errors import BadCursor, BadPage
from server.graphql.basics import described, given
from server.graphql.context import Info
from server.graphql.weights import counts_as
from server.roles import Right

# Lists of permissions that are kept, each of some tens.
_MAX_KEPT = 1_000


class HTTPMethod(Enum):
    GET = "GET"
    HEAD = "HEAD"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"
    OPTIONS = "OPTIONS"
    TRACE = "TRACE"
    QUERY = "QUERY"


described(
    HTTPMethod,
    "An HTTP method (RFC 9110; QUERY as in OpenAPI 3.2).",
    GET="Read a resource.",
    HEAD="Read a resource's headers.",
    POST="Send data to a resource.",
    PUT="Create or replace a resource.",
    PATCH="Change part of a resource.",
    DELETE="Delete a resource.",
    OPTIONS="Ask for the methods of a resource.",
    TRACE="Loop a request back.",
    QUERY="Read with a query in the body.",
)


@strawberry.type(
    description="Permissions whose operations share their first tag, or else a part of their path."
)
class PermissionCategory:
    name: str = strawberry.field(description="The category's name.")
    permissions: list["Permission"] = strawberry.field(
        description="Its permissions, in the order of the API document.",
        metadata=counts_as(lambda _, catalogue: _category_size(catalogue)),
    )


@strawberry.type(description="One endpoint of the tenant's API that a token may call.")
class Permission:
    key: str = strawberry.field(
        description='Method and path template, such as "GET /api/v1/devices/{device_id}".'
    )
    name: str = strawberry.field(description="A short summary of the endpoint.")
    method: HTTPMethod = strawberry.field(description="The endpoint's method.")
    path: str = strawberry.field(description="The endpoint's path template.")
    category: PermissionCategory = strawberry.field(description="Its category.")
    retired: bool = strawberry.field(
        description="Whether the endpoint has left the API. A retired permission allows nothing."
    )
    deprecated: bool = strawberry.field(
        description="Whether the API document marks the endpoint as deprecated."
    )
    sensitive: bool = strawberry.field(
        description="Whether the API document marks the endpoint as sensitive, with "
        "x-tessera-sensitive. It is granted like any other."
    )
    # Whether the object is kept as long as the catalogue.
    lasts: strawberry.Private[bool] = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A catalogue in GraphQL types. Built once, because a catalogue never changes."""

    categories: list[PermissionCategory]
    by_key: dict[str, Permission]
    places: dict[str, int]
    in_order: list[Permission]


@lru_cache(maxsize=4)
def grid(source: catalogue.Catalogue) -> Grid:
    """Build the grid of a catalogue."""
    categories = []
    by_key = {}
    for group in source.categories:
        category = PermissionCategory(name=group.name, permissions=[])
        for permission in group.permissions:
            shown = _shown(permission, category)
            shown.lasts = True
            category.permissions.append(shown)
            by_key[permission.key] = shown
        categories.append(category)
    places = {key: place for place, key in enumerate(by_key)}
    return Grid(categories, by_key, places, list(by_key.values()))


def category_count(source: catalogue.Catalogue) -> int:
    """Return the number of categories, at least 1."""
    return max(1, len(grid(source).categories))


def _category_size(source: catalogue.Catalogue) -> int:
    """Return the average number of permissions in a category, rounded up."""
    return -(-len(grid(source).by_key) // category_count(source))


def shown_permissions(source: catalogue.Catalogue, keys: list[str]) -> list[Permission]:
    """Return the permissions of these keys, in the grid's order, retired ones last."""
    shown = grid(source)
    try:
        places = sorted(map(shown.places.__getitem__, set(keys)))
    except KeyError:
        return _in_order(source, shown, keys)
    return list(map(shown.in_order.__getitem__, places))


class KeptPermissions(tuple[Permission, ...]):
    """The permissions of many tokens: the list is kept, and so is its place in answers."""

    __slots__ = ()
    lasts = True


@lru_cache(_MAX_KEPT)
def kept_permissions(source: catalogue.Catalogue, keys: str) -> KeptPermissions:
    """As `shown_permissions`, of a short JSON list of keys. Many tokens hold the same keys."""
    return KeptPermissions(shown_permissions(source, orjson.loads(keys)))


def _in_order(source: catalogue.Catalogue, shown: Grid, keys: list[str]) -> list[Permission]:
    """Some of the keys have another spelling in the catalogue, or are retired."""
    found = {key: source.find(key) for key in keys}
    known = {permission.key for permission in found.values() if permission}
    retired = sorted(key for key, permission in found.items() if permission is None)
    return [
        *(shown.by_key[key] for key in sorted(known, key=shown.places.__getitem__)),
        *(_retired(source.permission(key)) for key in retired),
    ]


def kept_permission(
    source: catalogue.Catalogue, key: str, name: str = "", category: str = ""
) -> Permission:
    """Return the permission of a key; a retired one by the name and category that were kept."""
    found = source.find(key)
    if found is not None:
        return grid(source).by_key[found.key]
    retired = source.permission(key)
    return _retired(
        replace(retired, name=name or retired.name, category=category or retired.category)
    )


def _retired(permission: catalogue.Permission) -> Permission:
    category = PermissionCategory(name=permission.category, permissions=[])
    retired = _shown(permission, category)
    category.permissions.append(retired)
    return retired


def _shown(permission: catalogue.Permission, category: PermissionCategory) -> Permission:
    return Permission(
        key=permission.key,
        name=permission.name,
        method=HTTPMethod(permission.method),
        path=permission.path,
        category=category,
        retired=permission.retired,
        deprecated=permission.deprecated,
        sensitive=permission.sensitive,
    )


def permission_categories(
    info: Info,
    first: Annotated[
        int | None,
        strawberry.argument(
            description="How many categories to return, 1 or more; all by default."
        ),
    ] = UNSET,
    after: Annotated[
        str | None,
        strawberry.argument(description="Return those after the category of this name."),
    ] = UNSET,
) -> list[PermissionCategory]:
    """Return the grid. Every signed-in admin may read it: it is the same for all tenants.

    Raises `BadPage`, or `BadCursor` for a name that no category has.
    """
    info.context.principal.require(Right.READ)
    categories = grid(info.context.service.catalogue).categories
    size, last = given(first), given(after)
    if size is not None and size < 1:
        raise BadPage("`first` must be 1 or more.")
    start = 0
    if last is not None:
        names = [category.name for category in categories]
        if last not in names:
            raise BadCursor("after")
        start = names.index(last) + 1
    return categories[start : None if size is None else start + size]


def categories_asked(arguments: Mapping[str, Any], source: catalogue.Catalogue) -> int:
    """Return how many categories a request for them gets at most, by its arguments."""
    first = arguments.get("first")
    count = category_count(source)
    return min(first, count) if isinstance(first, int) and first >= 1 else count
