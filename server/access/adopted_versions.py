"""The versions of the API's document that instances have served."""

import models
from server.catalogue import Catalogue
from server.catalogue.versions import fingerprint_of


async def newest() -> models.CatalogueVersion | None:
    """The version that was adopted last; None before an instance has served."""
    return await models.CatalogueVersion.all().order_by("-number").first()


async def number_of(catalogue: Catalogue) -> int:
    """The number of this document's version; 0 for one that no instance has served."""
    served = models.CatalogueVersion.filter(fingerprint=fingerprint_of(catalogue))
    numbers: list[int] = [row.number for row in await served.only("number")]
    return numbers[0] if numbers else 0
