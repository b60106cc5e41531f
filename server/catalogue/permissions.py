"""The permissions of the tenant API's document, and its document faults."""

from dataclasses import dataclass


class CatalogueError(Exception):
    """The whole document is unusable; the message says why."""


@dataclass(frozen=True, slots=True)
class Permission:
    """One operation of the API. `key` is "METHOD path-template".

    `bases` are the base paths of its servers, each without a trailing slash. `spanning` names the
    parameters that span slashes by the document's mark instead of a `+` in the path.
    `sensitive`: by the document's mark `x-tessera-sensitive`.
    `operation_id` is the document's `operationId`, empty for none.
    """

    key: str
    name: str
    method: str
    path: str
    category: str
    retired: bool = False
    bases: tuple[str, ...] = ("",)
    spanning: frozenset[str] = frozenset()
    deprecated: bool = False
    sensitive: bool = False
    operation_id: str = ""


@dataclass(frozen=True, slots=True)
class Category:
    """The operations of one tag."""

    name: str
    permissions: tuple[Permission, ...]


@dataclass(frozen=True, slots=True)
class DocumentFault:
    """A document fault, or a note: the JSON pointer of a part (RFC 6901), and the reason."""

    pointer: str
    reason: str
