"""A rival: the page as a first Strawberry + Tortoise server would have it.

Rows are model instances; each token asks for its last use, its permissions and its creator by
itself. The identifiers and cursors are the contract's, so that the answers can be compared.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import strawberry
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.types import Info
from tortoise import Tortoise

import models
from server.access.sessions import IDLE
from server.catalogue import Catalogue, read_catalogue
from server.global_ids import encode_id
from server.graphql.token_list import TOKENS
from server.paging import encode_cursor, page_request
from server.token_format import DigestKey, tenant_of


@dataclass(frozen=True, slots=True)
class Context:
    tenant_id: UUID
    catalogue: Catalogue


@strawberry.type
class PermissionCategory:
    name: str


@strawberry.type
class Permission:
    key: str
    name: str
    method: str
    path: str
    category: PermissionCategory


@strawberry.type
class Admin:
    id: strawberry.ID
    name: str
    email: str


@strawberry.type
class Token:
    row: strawberry.Private[models.Token]
    id: strawberry.ID
    name: str
    description: str
    hint: str
    revision: int
    created_at: str

    @strawberry.field
    async def last_used_at(self) -> str | None:
        last = await models.TokenLastUse.get_or_none(tenant_id=self.row.tenant_id, id=self.row.id)
        return last.last_used_at.isoformat().replace("+00:00", "Z") if last else None

    @strawberry.field
    async def permissions(self, info: Info[Context, None]) -> list[Permission]:
        held = await models.TokenPermission.filter(
            tenant_id=self.row.tenant_id, token_id=self.row.id
        )
        keys = {row.key for row in held}
        return [
            Permission(
                key=permission.key,
                name=permission.name,
                method=permission.method,
                path=permission.path,
                category=PermissionCategory(name=category.name),
            )
            for category in info.context.catalogue.categories
            for permission in category.permissions
            if permission.key in keys
        ]

    @strawberry.field
    async def created_by(self) -> Admin | None:
        admin = await models.Admin.get_or_none(
            tenant_id=self.row.tenant_id, id=self.row.created_by_id
        )
        if admin is None:
            return None
        admin_id = strawberry.ID(encode_id("Admin", admin.id))
        return Admin(id=admin_id, name=admin.name, email=admin.email)


@strawberry.type
class TokenEdge:
    node: Token
    cursor: str


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class TokenConnection:
    edges: list[TokenEdge]
    page_info: PageInfo


@strawberry.type
class Query:
    @strawberry.field
    async def tokens(
        self, info: Info[Context, None], first: int | None = 50, after: str | None = None
    ) -> TokenConnection:
        size = first or 50
        query = models.Token.filter(tenant_id=info.context.tenant_id, revoked_at__isnull=True)
        if after is not None:
            query = query.filter(id__lt=page_request(TOKENS, size, after).position)
        rows = await query.order_by("-id").limit(size + 1)
        edges = [
            TokenEdge(node=_shown(row), cursor=encode_cursor(TOKENS, row.id)) for row in rows[:size]
        ]
        return TokenConnection(
            edges=edges,
            page_info=PageInfo(
                has_next_page=len(rows) > size, end_cursor=edges[-1].cursor if edges else None
            ),
        )


def _shown(row: models.Token) -> Token:
    return Token(
        row=row,
        id=strawberry.ID(encode_id("Token", row.id)),
        name=row.name,
        description=row.description,
        hint=row.hint,
        revision=row.revision,
        created_at=row.created_at.isoformat().replace("+00:00", "Z"),
    )


class _Server(GraphQL[Context, None]):
    def __init__(self, catalogue: Catalogue, key: DigestKey) -> None:
        super().__init__(strawberry.Schema(query=Query))
        self._catalogue = catalogue
        self._key = key

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Context:
        secret = request.headers.get("authorization", "").removeprefix("Bearer ")
        session = await models.Session.get_or_none(
            tenant_id=tenant_of(secret), digest=self._key.digest("session", secret)
        )
        at = models.now()
        if session is None or session.expires_at <= at or session.last_seen_at + IDLE <= at:
            raise HTTPException(401, "Sign in.")
        admin = await models.Admin.get_or_none(tenant_id=session.tenant_id, id=session.admin_id)
        if admin is None:
            raise HTTPException(401, "Sign in.")
        return Context(admin.tenant_id, self._catalogue)


@asynccontextmanager
async def running(database_url: str, key: DigestKey) -> AsyncIterator[Any]:
    """The ASGI application on the database, for the length of a block."""
    await Tortoise.init(
        db_url=database_url, modules={"models": ["models"]}, _enable_global_fallback=True
    )
    try:
        yield _Server(read_catalogue(None), key)
    finally:
        await Tortoise.close_connections()
