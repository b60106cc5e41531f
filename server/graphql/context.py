"""The context of resolvers: the service, the principal, and data loaders for one request."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

import models
from server.access.principal import Principal, SignedInAdmin
from server.errors import QueryTooComplex
from server.graphql.metering import MAX_OBJECTS, TooLargeError
from server.operations import admins, tokens, usage
from server.operations.usage import Usage
from server.service import Service

MAX_SINCES = 3
_T = TypeVar("_T")


@dataclass(slots=True)
class Context:
    """The context of one request. Each loader batches the lookups of many fields into one query."""

    service: Service
    principal: SignedInAdmin
    admins: DataLoader[UUID, models.Admin | None] = field(init=False)
    tokens: DataLoader[UUID, models.Token | None] = field(init=False)
    permission_keys: DataLoader[UUID, list[str] | None] = field(init=False)
    permission_counts: DataLoader[UUID, int | None] = field(init=False)
    live_token_counts: DataLoader[UUID, int | None] = field(init=False)
    last_uses: DataLoader[UUID, models.TokenLastUse | None] = field(init=False)
    refusals: DataLoader[UUID, list[models.TokenRefusal] | None] = field(init=False)
    _sinces: set[datetime | None] = field(init=False, default_factory=set)
    usage: DataLoader[tuple[UUID, datetime | None], list[Usage]] = field(init=False)

    def __post_init__(self) -> None:
        self.admins = _loader(self.principal, admins.find_many)
        self.tokens = _loader(self.principal, tokens.find_many)
        self.permission_keys = _loader(self.principal, permission_keys)
        self.permission_counts = _loader(self.principal, tokens.count_permissions)
        self.live_token_counts = _loader(self.principal, admins.count_live_tokens)
        self.last_uses = _loader(self.principal, usage.last_uses)
        self.refusals = _loader(self.principal, usage.recent_refusals)
        self.usage = DataLoader(load_fn=self._load_usage)

    async def _load_usage(self, asked: list[tuple[UUID, datetime | None]]) -> list[list[Usage]]:
        """Run one query per `since`; all tokens of a page usually share it."""
        self._sinces.update(since for _, since in asked)
        if len(self._sinces) > MAX_SINCES:
            raise QueryTooComplex(f"Ask for usage since at most {MAX_SINCES} instants.")
        found = {
            since: await usage.of_tokens(
                self.principal, {token_id for token_id, other in asked if other == since}, since
            )
            for since in {since for _, since in asked}
        }
        return [found[since][token_id] for token_id, since in asked]


async def permission_keys(
    principal: Principal, token_ids: Sequence[UUID], uncounted: Sequence[UUID] | None = None
) -> dict[UUID, list[str]]:
    """Read the permissions of tokens, unless there are more than `MAX_OBJECTS`.

    Counts first, and raises `TooLargeError` before reading more than an answer may show.
    uncounted: the `token_ids` that may hold many permissions; all of them by default.
    """
    suspects = token_ids if uncounted is None else uncounted
    counts = await tokens.count_permissions(principal, suspects) if suspects else {}
    if sum(counts.values()) > MAX_OBJECTS:
        raise TooLargeError
    return await tokens.permission_keys(principal, token_ids)


Info = strawberry.Info[Context, None]


def _loader(
    principal: Principal,
    load: Callable[[Principal, Sequence[UUID]], Awaitable[dict[UUID, _T]]],
) -> DataLoader[UUID, _T | None]:
    async def load_in_order(ids: list[UUID]) -> list[_T | None]:
        found = await load(principal, ids)
        return [found.get(row_id) for row_id in ids]

    return DataLoader(load_fn=load_in_order)
