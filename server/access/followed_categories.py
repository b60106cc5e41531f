"""The categories that tokens follow: a token is granted the permissions that later versions add to
them.

`server.decisions.growth` grants it.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

import models
from server.access.adopted_versions import number_of
from server.access.reading import rows
from server.catalogue import Catalogue
from server.errors import InvalidInput

_SHOWN = 100


def require_known(catalogue: Catalogue, categories: Sequence[str], field: str) -> None:
    """Raises `InvalidInput` for a name that is no category of the catalogue."""
    known = {category.name for category in catalogue.categories}
    unknown = [place for place, name in enumerate(categories, 1) if name not in known]
    if unknown:
        places = ", ".join(map(str, unknown[:_SHOWN]))
        raise InvalidInput(field, f"No such category: entry {places}.")


def keys_in(catalogue: Catalogue, categories: Collection[str]) -> list[str]:
    """The keys of all permissions of these categories."""
    return [one.key for one in catalogue.permissions if one.category in set(categories)]


async def followed_by(tenant_id: UUID, token_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    """The categories that each of these tokens follows, by name."""
    found: dict[UUID, list[str]] = {token_id: [] for token_id in token_ids}
    for row in await rows(
        models.FollowedCategory,
        tenant_id=tenant_id,
        token_id__in=token_ids,
        order_by=("category",),
    ):
        found[row.token_id].append(row.category)
    return found


async def add(token: models.Token, catalogue: Catalogue, categories: Collection[str]) -> None:
    """Let the locked `token` follow these categories, from this catalogue's version on."""
    if not categories:
        return
    through = await number_of(catalogue)
    await models.FollowedCategory.bulk_create(
        [
            models.FollowedCategory(
                tenant_id=token.tenant_id, token_id=token.id, category=name, through=through
            )
            for name in sorted(categories)
        ]
    )


async def remove(token: models.Token, categories: Collection[str]) -> None:
    """Let the locked `token` follow these categories no more. Its permissions stay."""
    if categories:
        own = models.FollowedCategory.filter(tenant_id=token.tenant_id, token_id=token.id)
        await own.filter(category__in=list(categories)).delete()
