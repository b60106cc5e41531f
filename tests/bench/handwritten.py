"""A rival: the page written by hand, as fast as is reasonable for this page alone.

A bare ASGI application, two statements that the driver keeps prepared, and orjson. It checks the
bearer and answers the page's fields; it reads no GraphQL.
"""

import sqlite3
from asyncio import LifoQueue
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import orjson
from starlette.types import Receive, Scope, Send

from models import now
from server.access.sessions import IDLE
from server.catalogue import Catalogue, read_catalogue
from server.graphql.token_list import TOKENS
from server.paging import page_request
from server.token_format import DigestKey, tenant_of
from tests.bench.page import ACTIVITY, RENAME, VIEWER
from tests.bench.renaming import Transaction, rename

_CONNECTIONS = 10
_SESSION = """
SELECT session.admin_id FROM session
JOIN admin ON admin.tenant_id = session.tenant_id AND admin.id = session.admin_id
WHERE session.tenant_id = $1 AND session.digest = $2
  AND session.expires_at > $3 AND session.last_seen_at > $4
"""
_PAGE = """
SELECT replace(CAST(token.id AS text), '-', ''), token.name, token.description, token.hint,
       token.revision, {created_at}, {last_used_at},
       replace(CAST(admin.id AS text), '-', ''), admin.name, admin.email,
       (SELECT {keys} FROM token_permission AS held
        WHERE held.tenant_id = token.tenant_id AND held.token_id = token.id)
FROM token
LEFT JOIN token_last_use AS used ON used.tenant_id = token.tenant_id AND used.id = token.id
LEFT JOIN admin ON admin.tenant_id = token.tenant_id AND admin.id = token.created_by_id
WHERE token.tenant_id = $1 AND token.revoked_at IS NULL AND token.id < $2
ORDER BY token.id DESC LIMIT $3
"""
_VIEWER = """
SELECT replace(CAST(admin.id AS text), '-', ''), admin.name, admin.email, admin.role,
       replace(CAST(tenant.id AS text), '-', ''), tenant.slug, tenant.name, tenant.region
FROM session
JOIN admin ON admin.tenant_id = session.tenant_id AND admin.id = session.admin_id
JOIN tenant ON tenant.id = session.tenant_id
WHERE session.tenant_id = $1 AND session.digest = $2
  AND session.expires_at > $3 AND session.last_seen_at > $4
"""
_ACTIVITY = """
SELECT replace(CAST(activity.id AS text), '-', ''), activity.kind, activity.sequence,
       {created_at}, activity.actor_kind, admin.name, activity.actor_name, activity.address,
       replace(CAST(token.id AS text), '-', ''), token.name
FROM activity
LEFT JOIN admin ON admin.tenant_id = activity.tenant_id AND admin.id = activity.actor_id
LEFT JOIN token ON token.tenant_id = activity.tenant_id AND token.id = activity.subject_id
WHERE activity.tenant_id = $1 ORDER BY activity.id DESC LIMIT $2
"""
_TYPES = {
    "CREATED": "TokenCreated",
    "PAUSED": "TokenPaused",
    "NAME_CHANGED": "TokenNameChanged",
}
_LAST = UUID(int=(1 << 128) - 1)


class Database(Protocol):
    """One of the databases; returns times and keys in the answer's form."""

    page: str
    activity: str
    lock: str

    async def fetch(self, statement: str, *values: Any) -> Sequence[Sequence[Any]]: ...

    def transaction(self) -> AbstractAsyncContextManager[Transaction]: ...


class _Postgres:
    lock = "FOR UPDATE"
    page = _PAGE.format(
        created_at="token.created_at",
        last_used_at="used.last_used_at",
        keys=r"string_agg(held.key, E'\n')",
    )
    activity = _ACTIVITY.format(created_at="activity.created_at")

    def __init__(self) -> None:
        self.idle: LifoQueue[Any] = LifoQueue()

    async def fetch(self, statement: str, *values: Any) -> Sequence[Sequence[Any]]:
        connection = await self.idle.get()
        try:
            rows: Sequence[Sequence[Any]] = await connection.fetch(statement, *values)
            return rows
        finally:
            self.idle.put_nowait(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        connection = await self.idle.get()
        try:
            async with connection.transaction():
                yield connection
        finally:
            self.idle.put_nowait(connection)


class _Sqlite:
    lock = ""  # the transaction's own
    page = _PAGE.format(
        created_at="replace(replace(token.created_at, ' ', 'T'), '+00:00', 'Z')",
        last_used_at="replace(replace(used.last_used_at, ' ', 'T'), '+00:00', 'Z')",
        keys="group_concat(held.key, char(10))",
    )
    activity = _ACTIVITY.format(
        created_at="replace(replace(activity.created_at, ' ', 'T'), '+00:00', 'Z')"
    )

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def fetch(self, statement: str, *values: Any) -> Sequence[Sequence[Any]]:
        # A query of a cached file takes less time than a switch to a thread.
        return self._connection.execute(statement.replace("$", "?"), values).fetchall()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        # No other task runs meanwhile: a statement never waits.
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise


class _Server:
    def __init__(self, database: Database, catalogue: Catalogue, key: DigestKey) -> None:
        self._database = database
        self._key = key
        permissions = (p for category in catalogue.categories for p in category.permissions)
        # In the order of the catalogue, which is the answer's.
        self._permissions = {
            p.key: (
                place,
                {
                    "key": p.key,
                    "name": p.name,
                    "method": p.method,
                    "path": p.path,
                    "category": {"name": p.category},
                },
            )
            for place, p in enumerate(permissions)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/graphql":
            await _respond(send, 200, b"{}")
            return
        asked = orjson.loads(await _body(receive))
        operation, variables = asked["operationName"], asked["variables"]
        session = _VIEWER if operation == VIEWER else _SESSION
        tenant_id, found = await self._session(scope, session)
        if tenant_id is None or not found:
            await _respond(send, 401, b"{}")
            return
        if operation == VIEWER:
            data = _viewer(found[0])
        elif operation == RENAME:
            admin_id = UUID(str(found[0][0]))
            address = scope["client"][0]
            data = await rename(self._database, tenant_id, admin_id, address, variables["input"])
        elif operation == ACTIVITY:
            data = await self._activity(tenant_id, variables["first"])
        else:
            data = await self._page(tenant_id, variables["first"], variables["after"])
        await _respond(send, 200, orjson.dumps({"data": data}, option=orjson.OPT_UTC_Z))

    async def _session(
        self, scope: Scope, statement: str
    ) -> tuple[UUID | None, Sequence[Sequence[Any]]]:
        authorization = dict(scope["headers"]).get(b"authorization", b"")
        secret = authorization.removeprefix(b"Bearer ").decode("ascii")
        tenant_id = tenant_of(secret)
        digest, at = self._key.digest("session", secret), now()
        return tenant_id, await self._database.fetch(statement, tenant_id, digest, at, at - IDLE)

    async def _activity(self, tenant_id: UUID, size: int) -> dict[str, Any]:
        rows = await self._database.fetch(self._database.activity, tenant_id, size + 1)
        edges = [_activity_edge(row) for row in rows[:size]]
        page_info = {
            "hasNextPage": len(rows) > size,
            "endCursor": edges[-1]["cursor"] if edges else None,
        }
        return {"activity": {"edges": edges, "pageInfo": page_info}}

    async def _page(self, tenant_id: UUID, size: int, after: str | None) -> dict[str, Any]:
        position = page_request(TOKENS, size, after).position or _LAST
        rows = await self._database.fetch(self._database.page, tenant_id, position, size + 1)
        edges = [self._edge(row) for row in rows[:size]]
        page_info = {
            "hasNextPage": len(rows) > size,
            "endCursor": edges[-1]["cursor"] if edges else None,
        }
        return {"tokens": {"edges": edges, "pageInfo": page_info}}

    def _edge(self, row: Sequence[Any]) -> dict[str, Any]:
        token_id, name, description, hint, revision, created_at, last_used_at, *others = row
        admin_id, admin_name, email, keys = others
        known = self._permissions
        permissions = sorted([known[key] for key in keys.split("\n")]) if keys else []
        return {
            "cursor": _opaque("tokens", token_id),
            "node": {
                "id": _opaque("Token", token_id),
                "name": name,
                "description": description,
                "hint": hint,
                "revision": revision,
                "createdAt": created_at,
                "lastUsedAt": last_used_at,
                "permissions": [permission for _, permission in permissions],
                "createdBy": admin_id
                and {"id": _opaque("Admin", admin_id), "name": admin_name, "email": email},
            },
        }


def _viewer(row: Sequence[Any]) -> dict[str, Any]:
    admin_id, admin_name, email, role, tenant_id, slug, name, region = row
    return {
        "viewer": {"id": _opaque("Admin", admin_id), "name": admin_name, "email": email}
        | {"role": role},
        "tenant": {"id": _opaque("Tenant", tenant_id), "slug": slug, "name": name}
        | {"region": region},
    }


def _activity_edge(row: Sequence[Any]) -> dict[str, Any]:
    own_id, kind, sequence, created_at, actor_kind, admin, actor, address, token_id, name = row
    of_type = _TYPES[kind]
    return {
        "cursor": _opaque("activity", own_id),
        "node": {
            "__typename": of_type,
            "id": _opaque(of_type, own_id),
            "sequence": sequence,
            "occurredAt": created_at,
            "actorKind": actor_kind,
            "actorName": admin or actor,
            "clientAddress": address,
            "token": token_id and {"id": _opaque("Token", token_id), "name": name},
        },
    }


def _opaque(kind: str, hexadecimal: str) -> str:
    return urlsafe_b64encode(f"{kind}:{hexadecimal}".encode()).decode().rstrip("=")


async def _body(receive: Receive) -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _respond(send: Send, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode("ascii")),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def running(database_url: str, key: DigestKey) -> AsyncIterator[Any]:
    """The ASGI application on the database, for the length of a block."""
    catalogue = read_catalogue(None)
    if database_url.startswith("sqlite:"):
        sqlite3.register_adapter(UUID, str)
        sqlite3.register_adapter(datetime, lambda value: value.isoformat(" "))
        path = urlsplit(database_url).path
        with closing(sqlite3.connect(path, isolation_level=None)) as file:
            # As Tessera's: a killed process loses nothing.
            file.execute("PRAGMA synchronous = NORMAL")
            file.execute("PRAGMA foreign_keys = ON")
            yield _Server(_Sqlite(file), catalogue, key)
        return
    async with AsyncExitStack() as stack:
        database = _Postgres()
        for _ in range(_CONNECTIONS):
            connection = await asyncpg.connect(database_url)
            stack.push_async_callback(connection.close)
            database.idle.put_nowait(connection)
        yield _Server(database, catalogue, key)
