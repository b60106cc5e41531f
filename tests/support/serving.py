"""uvicorn in this process on a loopback port, with our protocol class or its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from server.app import create_app
from server.dataplane.connection import Limits
from server.service import Service
from tests.support.process import LOOPBACK, free_port
from tests.support.waiting import PATIENCE_SECONDS


@asynccontextmanager
async def serving(
    service: Service,
    *,
    past_uvicorn: bool = True,
    keep_alive_seconds: int = 5,
    limits: Limits | None = None,
) -> AsyncIterator[int]:
    """Serve `service` in this process; yields the port."""
    app, port = create_app(service), free_port()
    config = uvicorn.Config(
        app,
        http=app.protocol(limits) if past_uvicorn else "httptools",
        host=LOOPBACK,
        port=port,
        lifespan="off",
        ws="none",
        log_config=None,
        server_header=False,
        timeout_keep_alive=keep_alive_seconds,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        await running
        await app.close()


async def exchange(
    port: int, sent: bytes, quiet_seconds: float = 1, patience_seconds: float = PATIENCE_SECONDS
) -> bytes:
    """Send bytes; returns all bytes received until the server closes the connection or is quiet.

    The first byte may take for as long as the patience lasts. The result ends with `<end>` if the
    server closed the connection.
    """
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(sent)
    received = b""
    try:
        wait = patience_seconds
        while part := await asyncio.wait_for(reader.read(65_536), wait):
            received, wait = received + part, quiet_seconds
        received += b"<end>"
    except TimeoutError:
        pass
    except ConnectionError:
        received += b"<reset>"
    finally:
        writer.close()
    return received
