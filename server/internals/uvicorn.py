"""uvicorn's HTTP protocol and server, as far as they are not documented."""

import asyncio
import inspect
from functools import cache
from typing import TYPE_CHECKING, Any

import uvicorn

from server.internals.parts import lacks, part, require, warn

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
else:
    HttpToolsProtocol = part("uvicorn.protocols.http.httptools_impl", "HttpToolsProtocol")
    RequestResponseCycle = part("uvicorn.protocols.http.httptools_impl", "RequestResponseCycle")

__all__ = ["HttpToolsProtocol", "RequestResponseCycle", "require_protocol", "warn_of_server"]

# The attributes that `server.dataplane.connection` and `wire` read or override.
_PROTOCOL = (
    *("app", "client", "config", "connections", "cycle", "expect_100_continue", "flow", "headers"),
    *("loop", "parser", "pipeline", "server", "server_state", "tasks", "timeout_keep_alive"),
    *("transport", "url"),
    *("connection_lost", "connection_made", "data_received", "pause_writing", "resume_writing"),
    *("on_body", "on_header", "on_headers_complete", "on_message_begin", "on_message_complete"),
    *("on_response_complete", "shutdown", "timeout_keep_alive_handler"),
    *("_should_upgrade", "_start_asgi_task"),
)
_FLOW = ("drain", "pause_reading", "read_paused", "resume_reading", "write_paused")
_STATE = ("default_headers", "total_requests")


def require_protocol() -> None:
    """Raises `Misconfigured` where the limits of connections cannot be installed.

    There is no fallback. uvicorn's own protocol gives the same answers, but
    limits neither the size of headers, nor the time that a client takes, nor the number of
    connections: one client could block all tenants.
    """
    require(
        "uvicorn",
        _missing(),
        "no limit of header size, time or connections would hold",
    )


def warn_of_server() -> None:
    """Log where uvicorn's own handling of signals is left in place."""
    missing = lacks(uvicorn.Server, "capture_signals")
    warn("uvicorn", missing, "a signal ends the process before its database is closed")


@cache
def _missing() -> tuple[str, ...]:
    missing = lacks(HttpToolsProtocol) + lacks(RequestResponseCycle, "run_asgi")
    if missing:
        return tuple(missing)
    protocol = _made()
    missing = lacks(protocol, *_PROTOCOL)
    if not missing:
        missing = lacks(protocol.flow, *_FLOW) + lacks(protocol.server_state, *_STATE)
    start = getattr(HttpToolsProtocol, "_start_asgi_task", None)
    if start and list(inspect.signature(start).parameters) != ["self", "cycle", "app"]:
        missing.append("HttpToolsProtocol._start_asgi_task(cycle, app)")
    return tuple(missing)


def _made() -> Any:
    """A protocol as uvicorn makes it for a connection, with a message begun."""
    loop = asyncio.new_event_loop()
    try:
        config = uvicorn.Config(_answer_nothing, ws="none", lifespan="off", log_config=None)
        state = uvicorn.Server(config).server_state
        protocol = HttpToolsProtocol(config=config, server_state=state, app_state={}, _loop=loop)
        protocol.connection_made(asyncio.Transport())
        protocol.on_message_begin()
        return protocol
    finally:
        loop.close()


async def _answer_nothing(_scope: Any, _receive: Any, _send: Any) -> None:
    """An application, which a configuration needs."""
