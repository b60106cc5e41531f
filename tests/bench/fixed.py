"""The reference for `/authorize`: the same HTTP server, which answers fixed bytes to everything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import Receive, Scope, Send

from server.token_format import DigestKey

_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-tessera-tenant", b"tenant-1"),
    (b"x-tessera-token", b"VG9rZW46MDFhMjBhM2EwYTk0NzUwMzhkN2ZkNWJkOTM3YmNmZjc"),
    (b"x-tessera-permission", b"GET /api/v1/devices/{device_id}"),
    (b"content-length", b"0"),
]
_START = {"type": "http.response.start", "status": 200, "headers": _HEADERS}
_BODY = {"type": "http.response.body", "body": b""}


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    await send(_START)
    await send(_BODY)


@asynccontextmanager
async def running(_database_url: str, _key: DigestKey) -> AsyncIterator[Any]:
    """The ASGI application, for the length of a block."""
    yield _app
