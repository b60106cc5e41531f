"""The state that the readers of one document share: its faults, references and closed paths."""

from dataclasses import dataclass, field
from typing import Any

from server.catalogue.closing import UNKNOWN_BASES, Bases, Closing
from server.catalogue.faults import Faults
from server.catalogue.references import References
from server.catalogue.servers import bases_of

METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace", "query")


class Reading:
    """The state of reading one document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.faults = Faults()
        self.references = References(document, self.faults)
        self.closing = Closing()

    def bases(
        self, part: dict[str, Any], pointer: list[str], inherited: Bases, *, is_twice: bool = False
    ) -> Bases:
        """The base paths of a part's servers, or the inherited ones. Unknown if `is_twice`."""
        bases = bases_of(part, pointer, inherited, self.faults, self.closing)
        return UNKNOWN_BASES if is_twice else bases


@dataclass(slots=True)
class PathItem:
    """A path item with its references resolved, and the defaults of its operations."""

    path: str
    pointer: list[str]
    members: dict[str, Any]
    twice: set[Any]
    bases: Bases
    # Whether a parameter of its path spans slashes, by the parameter's name.
    spans: dict[str, bool] = field(default_factory=dict)

    @property
    def spanning(self) -> frozenset[str]:
        """The parameters that span slashes unless an operation overrides it."""
        return spanning_of(self.spans)


def spanning_of(spans: dict[str, bool]) -> frozenset[str]:
    """The names of the parameters that span slashes."""
    return frozenset(name for name, does in spans.items() if does)
