"""The context of resolvers: the service, the principal, and the loaders of one request."""

from asyncio import shield
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import strawberry
from strawberry.dataloader import DataLoader

from server.access.principal import SignedInAdmin
from server.decisions.limits import RateLimiter
from server.monitoring.tracing import OperationSpans
from server.service import Service

if TYPE_CHECKING:
    # It needs the fields, whose resolvers need the context.
    from server.graphql.plans import Plans

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")
Load = Callable[["Context", Sequence[_K]], Awaitable[Sequence[_V]]]


class Loader(DataLoader[_K, _V]):
    """A `DataLoader` whose waiting fields do not cancel each other.

    graphql-core cancels the fields beside one that failed. All fields that wait for a key share its
    future. If one of them cancelled it, the request would end without an answer.
    """

    def load(self, key: _K) -> Awaitable[_V]:
        """The value of a key."""
        return shield(super().load(key))


@dataclass(slots=True)
class Context:
    """The context of one request.

    limiter: counts the requests of tokens; None where none are counted.
    plans: those of the document; None for one that is executed once.
    spans: of the request's operations; None where none are made.
    usage_sinces: the instants since which the request has asked for usage, or the days back.
    """

    service: Service
    principal: SignedInAdmin
    limiter: RateLimiter | None = None
    plans: "Plans | None" = None
    spans: OperationSpans | None = None
    usage_sinces: set[datetime | int | None] = field(init=False, default_factory=set)
    _loaders: dict[Load[Any, Any], Loader[Any, Any]] = field(init=False, default_factory=dict)

    def loader(self, load: Load[_K, _V]) -> Loader[_K, _V]:
        """Return the request's loader of `load`: it calls it once for the keys of many fields.

        load: returns the values of the keys in their order; a function of a module.
        """
        loader = self._loaders.get(load)
        if loader is None:
            loader = self._loaders[load] = Loader(load_fn=partial(load, self))
        return loader

    async def load_distinct(self, load: Load[_K, _V], keys: Iterable[_K]) -> dict[_K, _V]:
        """Return the value of each key by one call of `load`."""
        distinct = list(set(keys))
        return dict(zip(distinct, await load(self, distinct), strict=True))


Info = strawberry.Info[Context, None]
