"""Permissions: the tenant API's operations, as tokens may hold them."""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import strawberry

from server import catalogue
from server.graphql.basics import described
from server.graphql.context import Info
from server.roles import Right


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
    "A method of HTTP (RFC 9110; QUERY as OpenAPI 3.2 has it).",
    GET="Read a resource.",
    HEAD="Read a resource's headers.",
    POST="Hand something to a resource.",
    PUT="Put a resource in place.",
    PATCH="Change a resource in part.",
    DELETE="Delete a resource.",
    OPTIONS="Ask what a resource allows.",
    TRACE="Loop a request back.",
    QUERY="Read with a query in the body.",
)


@strawberry.type(
    description="Permissions whose operations share their first tag, or else a part of their paths."
)
class PermissionCategory:
    name: str = strawberry.field(description="What the group is called.")
    permissions: list["Permission"] = strawberry.field(
        description="Its permissions, in the order of the API's description."
    )


@strawberry.type(description="One endpoint of the tenant's API that a token may call.")
class Permission:
    key: str = strawberry.field(
        description='Method and path template, such as "GET /api/v1/devices/{device_id}".'
    )
    name: str = strawberry.field(description="What the endpoint does, in a few words.")
    method: HTTPMethod = strawberry.field(description="The endpoint's method.")
    path: str = strawberry.field(description="The endpoint's path template.")
    category: PermissionCategory = strawberry.field(description="The group it belongs to.")
    retired: bool = strawberry.field(
        description="Whether the endpoint has left the API: then the permission opens nothing."
    )
    deprecated: bool = strawberry.field(
        description="Whether the API's description says that the endpoint is to be used no more."
    )


@dataclass(frozen=True, slots=True)
class Grid:
    """A catalogue as GraphQL shows it, made once: its permissions never change."""

    categories: list[PermissionCategory]
    by_key: dict[str, Permission]
    places: dict[str, int]


@lru_cache(maxsize=4)
def grid(source: catalogue.Catalogue) -> Grid:
    """The grid of a catalogue."""
    categories = []
    by_key = {}
    for group in source.categories:
        category = PermissionCategory(name=group.name, permissions=[])
        for permission in group.permissions:
            shown = _shown(permission, category)
            category.permissions.append(shown)
            by_key[permission.key] = shown
        categories.append(category)
    return Grid(categories, by_key, {key: place for place, key in enumerate(by_key)})


def shown_permissions(source: catalogue.Catalogue, keys: list[str]) -> list[Permission]:
    """The permissions of these keys, in the grid's order; those that have left it come last."""
    shown = grid(source)
    found = {key: source.find(key) for key in keys}
    known = {permission.key for permission in found.values() if permission}
    retired = sorted(key for key, permission in found.items() if permission is None)
    return [
        *(shown.by_key[key] for key in sorted(known, key=shown.places.__getitem__)),
        *(_retired(source.permission(key)) for key in retired),
    ]


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
    )


def permission_categories(info: Info) -> list[PermissionCategory]:
    """Every signed-in admin may read the grid; nothing of it belongs to a tenant."""
    info.context.principal.require(Right.READ)
    return grid(info.context.service.catalogue).categories
