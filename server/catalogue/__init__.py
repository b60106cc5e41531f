"""The catalogue: turns the tenant API's OpenAPI document into permissions for tokens."""

from server.catalogue.catalogue import Catalogue
from server.catalogue.document import DEFAULT_DOCUMENT, read_catalogue
from server.catalogue.matching import canonical_path
from server.catalogue.permissions import (
    CatalogueError,
    Category,
    Permission,
    Refusal,
)

__all__ = [
    "DEFAULT_DOCUMENT",
    "Catalogue",
    "CatalogueError",
    "Category",
    "Permission",
    "Refusal",
    "canonical_path",
    "read_catalogue",
]
