"""Dismissing the notice of a version: input, result and mutation."""

from typing import Annotated

import strawberry

from server.global_ids import id_of
from server.graphql.catalogue_versions import CatalogueVersion, shown_version
from server.graphql.context import Info
from server.graphql.problems import NotFound
from server.operations import catalogue_versions


@strawberry.input(description="The version whose notice to dismiss.")
class DismissCatalogueNoticeInput:
    version_id: strawberry.ID = strawberry.field(description="The version's global id.")


@strawberry.type(description="The version whose notice was dismissed.")
class DismissCatalogueNoticePayload:
    version: CatalogueVersion = strawberry.field(description="The version.")


DismissCatalogueNoticeResult = Annotated[
    DismissCatalogueNoticePayload | NotFound,
    strawberry.union(
        "DismissCatalogueNoticeResult", description="The version, or why nothing is dismissed."
    ),
]


async def dismiss_catalogue_notice(
    info: Info,
    input: Annotated[
        DismissCatalogueNoticeInput, strawberry.argument(description="The change and its values.")
    ],
) -> DismissCatalogueNoticeResult:
    version_id = id_of("CatalogueVersion", input.version_id)
    row = await catalogue_versions.dismiss(info.context.principal, version_id)
    return DismissCatalogueNoticePayload(version=shown_version(info.context, row))
