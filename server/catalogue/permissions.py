"""Permissions as the tenant API's document gives them, and what of it gives none."""

from dataclasses import dataclass


class CatalogueError(Exception):
    """A document that gives no catalogue at all; the message says why."""


@dataclass(frozen=True, slots=True)
class Permission:
    """One operation of the API. `key` is "METHOD path-template".

    `bases` are the paths of the servers that it is served at, each without a slash at its end.
    `spanning` names its parameters that span slashes although the path does not say so.
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


@dataclass(frozen=True, slots=True)
class Category:
    """The operations of one tag."""

    name: str
    permissions: tuple[Permission, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A part of a document: its JSON pointer (RFC 6901), and why it cannot be used."""

    pointer: str
    reason: str
