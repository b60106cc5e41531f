"""The activity of the API's document in a tenant: the types of its kinds."""

from collections.abc import Sequence
from uuid import UUID

import strawberry

import models
from models import ActivityKind
from server.global_ids import row_id
from server.graphql.activity_basics import Activity, detail
from server.graphql.catalogue_versions import CatalogueVersion, find_versions
from server.graphql.context import Context
from server.graphql.loading import loaded
from server.graphql.nodes import Node


async def _load_versions(
    context: Context, rows: Sequence[models.Activity]
) -> list[CatalogueVersion | None]:
    ids = [row_id("CatalogueVersion", row.details["version"]) or UUID(int=0) for row in rows]
    found = await context.load_distinct(find_versions, ids)
    return [found[one] for one in ids]


@strawberry.interface(description="An activity about a version of the API document.")
class CatalogueActivity(Activity):
    version: CatalogueVersion | None = loaded(_load_versions, description="The version.")


@strawberry.type(
    description="Another version of the API document was served, and the tenant was notified."
)
class CatalogueChanged(CatalogueActivity, Node):
    added_count: int = detail("addedCount", description="How many operations were added.")
    removed_count: int = detail("removedCount", description="How many operations were removed.")
    renamed_count: int = detail(
        "renamedCount", description="How many operations have another path."
    )
    moved_count: int = detail("movedCount", description="How many operations left a base path.")
    tokens_affected: int = detail(
        "affectedTokens",
        description="How many live tokens held an operation that it removed, moved or gave "
        "another path.",
    )


@strawberry.type(description="An admin dismissed the notice of a version.")
class CatalogueNoticeDismissed(CatalogueActivity, Node):
    pass


CATALOGUE_TYPES: dict[ActivityKind, type[CatalogueActivity]] = {
    ActivityKind.CATALOGUE_CHANGED: CatalogueChanged,
    ActivityKind.CATALOGUE_NOTICE_DISMISSED: CatalogueNoticeDismissed,
}
