"""What a resolver can reach: the service, the principal, and loaders that last one request."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

import models
from server.access.principal import Principal
from server.operations import admins, tokens, usage
from server.service import Service

_T = TypeVar("_T")


@dataclass(slots=True)
class Context:
    """One request's context. The loaders gather what many fields ask for into one query each."""

    service: Service
    principal: Principal
    admins: DataLoader[UUID, models.Admin | None] = field(init=False)
    tokens: DataLoader[UUID, models.Token | None] = field(init=False)
    permission_keys: DataLoader[UUID, list[str] | None] = field(init=False)
    permission_counts: DataLoader[UUID, int | None] = field(init=False)
    live_token_counts: DataLoader[UUID, int | None] = field(init=False)
    last_uses: DataLoader[UUID, models.TokenLastUse | None] = field(init=False)
    refusals: DataLoader[UUID, list[models.TokenRefusal] | None] = field(init=False)

    def __post_init__(self) -> None:
        self.admins = _loader(self.principal, admins.find_many)
        self.tokens = _loader(self.principal, tokens.find_many)
        self.permission_keys = _loader(self.principal, tokens.permission_keys)
        self.permission_counts = _loader(self.principal, tokens.count_permissions)
        self.live_token_counts = _loader(self.principal, admins.count_live_tokens)
        self.last_uses = _loader(self.principal, usage.last_uses)
        self.refusals = _loader(self.principal, usage.recent_refusals)


Info = strawberry.Info[Context, None]


def _loader(
    principal: Principal,
    load: Callable[[Principal, Sequence[UUID]], Awaitable[dict[UUID, _T]]],
) -> DataLoader[UUID, _T | None]:
    async def load_in_order(ids: list[UUID]) -> list[_T | None]:
        found = await load(principal, ids)
        return [found.get(row_id) for row_id in ids]

    return DataLoader(load_fn=load_in_order)
