"""Versions of the API's document: the types, and the queries that return them."""

from collections.abc import Sequence
from dataclasses import field
from itertools import chain
from typing import Annotated, Any, ForwardRef
from uuid import UUID

import orjson
import strawberry
from strawberry import UNSET

import models
from server.catalogue.versions import fingerprint_of
from server.global_ids import encode_id
from server.graphql.basics import DateTime, given
from server.graphql.connection import After, Connection, First, connection
from server.graphql.context import Context, Info
from server.graphql.loading import load_selected, loaded
from server.graphql.nodes import Node, finder, finds
from server.graphql.permissions import Permission, kept_permission
from server.graphql.weights import counts_as
from server.operations import catalogue_versions
from server.operations.catalogue_versions import Notice
from server.paging import page_request

CATALOGUE_VERSIONS = "catalogueVersions"
_PERMISSIONS = counts_as(10)
# An activity has a version, and a token activity: this file cannot import that of tokens.
_TOKEN: Any = Annotated[ForwardRef("Token"), strawberry.lazy("server.graphql.tokens")]


@strawberry.type(description="An operation that a version of the API document renamed.")
class CatalogueRename:
    previous_key: str = strawberry.field(description="Its key in the previous version.")
    permission: Permission = strawberry.field(description="The permission by its new key.")
    keeps_grants: bool = strawberry.field(
        description="Whether tokens keep it, because only parameters of the path have other "
        "names. Otherwise another path has the same `operationId`: it is another permission, "
        "which no token is granted automatically."
    )


@strawberry.type(description="An operation that left a base path of the API.")
class CatalogueMove:
    permission: Permission = strawberry.field(description="The permission. Tokens keep it.")
    previous_base_paths: list[str] = strawberry.field(
        description="Its base paths in the previous version.", metadata=counts_as(1)
    )
    base_paths: list[str] = strawberry.field(
        description="Its base paths now.", metadata=counts_as(1)
    )


async def _load_notices(
    context: Context, rows: Sequence[models.CatalogueVersion]
) -> list[Notice | None]:
    found = await catalogue_versions.notices(context.principal, [row.id for row in rows])
    return [found.get(row.id) for row in rows]


async def _load_affected(
    context: Context, rows: Sequence[models.CatalogueVersion]
) -> list[list[Node]]:
    ids = [await catalogue_versions.affected_tokens(context.principal, row) for row in rows]
    found = await context.load_distinct(finder("Token"), chain.from_iterable(ids))
    return [[found[one] for one in own] for own in ids]


@strawberry.type(
    description="A version of the API document, and its differences to the previous version. A "
    "document becomes a version when it is first served. Lists have at most 1,000 entries; the "
    "counts are exact."
)
class CatalogueVersion(Node):
    number: int = strawberry.field(description="Counts the versions: 1, 2, 3 and so on.")
    adopted_at: DateTime = strawberry.field(description="When it was first served.")
    is_served: bool = strawberry.field(
        description="Whether the instance that answers serves this version."
    )
    added: list[Permission] = strawberry.field(
        description="The added operations. Only tokens that follow their category were granted "
        "them.",
        metadata=_PERMISSIONS,
    )
    added_count: int = strawberry.field(description="How many operations came.")
    removed: list[Permission] = strawberry.field(
        description="The removed operations. Tokens keep their permissions, which allow nothing.",
        metadata=_PERMISSIONS,
    )
    removed_count: int = strawberry.field(description="How many operations left.")
    renamed: list[CatalogueRename] = strawberry.field(
        description="The operations with another path.", metadata=_PERMISSIONS
    )
    renamed_count: int = strawberry.field(description="How many operations have another path.")
    moved: list[CatalogueMove] = strawberry.field(
        description="The operations that left a base path.", metadata=_PERMISSIONS
    )
    moved_count: int = strawberry.field(
        description="How many operations are gone from a base path."
    )
    tokens_affected: int | None = loaded(
        _load_notices,
        lambda notice: notice and notice.affected_tokens,
        description="How many of the tenant's live tokens held an operation that it removed, "
        "moved or gave another path, when the tenant was notified. Null if it was not notified: "
        "the version is older than the tenant, changed nothing, or was adopted a moment ago.",
    )
    affected_tokens: list[Node] = loaded(
        _load_affected,
        graphql_type=list[_TOKEN],
        description="The live tokens that hold such a permission now, newest first: at most 100.",
        metadata=counts_as(20),
    )
    is_dismissed: bool = loaded(
        _load_notices,
        lambda notice: notice is None or notice.is_dismissed,
        description="Whether its notice is no longer shown: an admin dismissed it, or there is "
        "none.",
    )
    row: strawberry.Private[models.CatalogueVersion]
    loaded_values: strawberry.Private[dict[str, Any]] = field(default_factory=dict)


def shown_version(context: Context, row: models.CatalogueVersion) -> CatalogueVersion:
    """Map a version to its GraphQL type."""
    source = context.service.catalogue
    changes = orjson.loads(row.changes)
    counts = changes["counts"]
    return CatalogueVersion(
        id=strawberry.ID(encode_id("CatalogueVersion", row.id)),
        number=row.number,
        adopted_at=DateTime(row.created_at),
        is_served=row.fingerprint == fingerprint_of(source),
        added=[kept_permission(source, *one) for one in changes["added"]],
        removed=[kept_permission(source, *one) for one in changes["removed"]],
        renamed=[
            CatalogueRename(
                previous_key=one[0],
                permission=kept_permission(source, *one[1:4]),
                keeps_grants=one[4],
            )
            for one in changes["renamed"]
        ],
        moved=[
            CatalogueMove(
                permission=kept_permission(source, *one[:3]),
                previous_base_paths=one[3],
                base_paths=one[4],
            )
            for one in changes["moved"]
        ],
        added_count=counts["added"],
        removed_count=counts["removed"],
        renamed_count=counts["renamed"],
        moved_count=counts["moved"],
        row=row,
    )


@finds(CatalogueVersion)
async def find_versions(context: Context, ids: Sequence[UUID]) -> list[CatalogueVersion | None]:
    """Return the versions of these ids, None for unknown ones. All tenants share them."""
    rows = await catalogue_versions.find_many(context.principal, ids)
    return [shown_version(context, rows[one]) if one in rows else None for one in ids]


CatalogueVersionConnection = Connection[CatalogueVersion]


async def list_versions(
    info: Info, first: First = UNSET, after: After = UNSET
) -> CatalogueVersionConnection:
    """List the versions, newest first."""
    request = page_request(CATALOGUE_VERSIONS, given(first), given(after))
    page = await catalogue_versions.page(info.context.principal, request)
    shown = [shown_version(info.context, row) for row in page.rows]
    await load_selected(info, shown, "edges", "node")
    return connection(CATALOGUE_VERSIONS, page, shown)


async def list_notices(info: Info) -> list[CatalogueVersion]:
    """List the versions whose notice no admin of the tenant has dismissed, newest first."""
    rows = await catalogue_versions.undismissed(info.context.principal)
    shown = [shown_version(info.context, row) for row in rows]
    await load_selected(info, shown)
    return shown
