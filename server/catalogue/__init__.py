"""The catalogue: turns the tenant API's OpenAPI document into permissions for tokens."""

from server.catalogue.catalogue import Catalogue
from server.catalogue.loading import DEFAULT_DOCUMENT
from server.catalogue.matching import canonical_path
from server.catalogue.nearby import Difference, Near, near
from server.catalogue.permissions import (
    CatalogueError,
    Category,
    DocumentFault,
    Permission,
)
from server.catalogue.reader import read_catalogue

__all__ = [
    "DEFAULT_DOCUMENT",
    "Catalogue",
    "CatalogueError",
    "Category",
    "Difference",
    "DocumentFault",
    "Near",
    "Permission",
    "canonical_path",
    "near",
    "read_catalogue",
]
