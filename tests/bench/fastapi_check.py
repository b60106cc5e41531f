"""A rival: the check with FastAPI and SQLAlchemy, on the same rows.

It looks up the digest and compares revocation and permission. It matches one prefix only, has no
limits and no decision log, and takes the tenant from the row.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, Header, HTTPException, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import String, TypeDecorator, Uuid, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from server.token_format import DigestKey
from tests.bench.checks import KEY, TARGET

_CONNECTIONS = 10


class _Row(DeclarativeBase):
    pass


class _TextUuid(TypeDecorator[UUID]):
    """UUIDs as Tortoise writes them where the database has no type for them."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: UUID | None, dialect: Any) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Any) -> UUID | None:
        return None if value is None else UUID(value)


class _Tables:
    """The row classes; `uuid` is the type of the columns of UUIDs."""

    def __init__(self, uuid: Any) -> None:
        class Tenant(_Row):
            __tablename__ = "tenant"
            id: Mapped[UUID] = mapped_column(uuid, primary_key=True)
            slug: Mapped[str]

        class Token(_Row):
            __tablename__ = "token"
            id: Mapped[UUID] = mapped_column(uuid, primary_key=True)
            tenant_id: Mapped[UUID] = mapped_column(uuid)
            revoked_at: Mapped[datetime | None]

        class TokenSecret(_Row):
            __tablename__ = "token_secret"
            digest: Mapped[bytes] = mapped_column(primary_key=True)
            tenant_id: Mapped[UUID] = mapped_column(uuid)
            token_id: Mapped[UUID] = mapped_column(uuid)

        class TokenPermission(_Row):
            __tablename__ = "token_permission"
            id: Mapped[UUID] = mapped_column(uuid, primary_key=True)
            tenant_id: Mapped[UUID] = mapped_column(uuid)
            token_id: Mapped[UUID] = mapped_column(uuid)
            key: Mapped[str] = mapped_column(String)

        self.tenant, self.token = Tenant, Token
        self.secret, self.permission = TokenSecret, TokenPermission

    def lookup(self, slug: str, digest: bytes) -> Any:
        """The token and tenant of a secret."""
        return (
            select(self.token, self.tenant)
            .join(self.tenant, self.tenant.id == self.token.tenant_id)
            .join(self.secret, self.secret.token_id == self.token.id)
            .where(self.tenant.slug == slug, self.secret.digest == digest)
        )

    def grant(self, token: Any) -> Any:
        """The row by which a token holds the permission."""
        return select(self.permission.id).where(
            self.permission.tenant_id == token.tenant_id,
            self.permission.token_id == token.id,
            self.permission.key == KEY,
        )


def _app(sessions: async_sessionmaker[AsyncSession], key: DigestKey, uuid: Any) -> FastAPI:
    tables = _Tables(uuid)

    async def session() -> AsyncIterator[AsyncSession]:
        async with sessions() as opened:
            yield opened

    app = FastAPI(openapi_url=None)

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {}

    @app.get("/authorize")
    async def authorize(
        response: Response,
        host: Annotated[str, Header()],
        x_original_method: Annotated[str, Header()],
        x_original_uri: Annotated[str, Header()],
        credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
        db: Annotated[AsyncSession, Depends(session)],
    ) -> None:
        digest = key.digest("token", credentials.credentials)
        found = (await db.execute(tables.lookup(host.partition(".")[0], digest))).first()
        if found is None or found[0].revoked_at is not None:
            raise HTTPException(401)
        if x_original_method != "GET" or not x_original_uri.startswith(TARGET):
            raise HTTPException(403)
        token, tenant = found
        if await db.scalar(tables.grant(token)) is None:
            raise HTTPException(403)
        response.headers["X-Tessera-Tenant"] = tenant.slug
        response.headers["X-Tessera-Token"] = token.id.hex
        response.headers["X-Tessera-Permission"] = KEY

    return app


@asynccontextmanager
async def running(database_url: str, key: DigestKey) -> AsyncIterator[Any]:
    """The ASGI application on the database, for the length of a block."""
    _, _, rest = database_url.partition("://")
    embedded = database_url.startswith("sqlite:")
    url = f"sqlite+aiosqlite:///{rest}" if embedded else f"postgresql+asyncpg://{rest}"
    engine = create_async_engine(url, pool_size=_CONNECTIONS, max_overflow=0)
    uuid = _TextUuid() if embedded else Uuid()
    try:
        yield _app(async_sessionmaker(engine, expire_on_commit=False), key, uuid)
    finally:
        await engine.dispose()
