"""Checks of a real server over keep-alive connections, fast enough for a load."""

import asyncio
from types import TracebackType
from typing import Self

from tests.support.process import LOOPBACK


def check(
    host: str, secret: str, target: str = "/api/v1/devices", method: str = "GET", *more: str
) -> bytes:
    """The check that nginx sends for a client's request."""
    lines = [
        "GET /authorize HTTP/1.1",
        f"Host: {host}",
        f"X-Original-Method: {method}",
        f"X-Original-URI: {target}",
        f"Authorization: Bearer {secret}",
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Wire:
    """One connection. `ask` may be called by one task at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> int:
        """The status that answers `request`."""
        status, _ = await self.ask_whole(request)
        return status

    async def ask_whole(self, request: bytes) -> tuple[int, bytes]:
        """Status and head of the answer. Raises `OSError` or `EOFError` if there is none."""
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(LOOPBACK, self._port)
        try:
            self._writer.write(request)
            head = await self._reader.readuntil(b"\r\n\r\n")
            lower = head.lower()
            at = lower.index(b"content-length:") + len(b"content-length:")
            await self._reader.readexactly(int(lower[at : lower.index(b"\r\n", at)]))
        except (OSError, EOFError):
            await self.close()
            raise
        return int(head[9:12]), head

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
