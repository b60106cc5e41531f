"""Answers of `/authorize` straight onto the wire: everything else goes uvicorn's own way.

A check is asked for every request of every tenant's API. Passed on as ASGI messages, through five
coroutines and two regular expressions for each header, its answer takes as long as the decision.
The hook is not public: were it gone, checks would go the usual way too.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from server.dataplane.answers import Answer
from server.dataplane.authorize import Authorize


def protocol_of(authorize: Authorize, is_check: Callable[[Scope], bool]) -> type[HttpToolsProtocol]:
    """uvicorn's protocol for HTTP/1.1, with a short cut for the requests that are checks."""

    class Protocol(HttpToolsProtocol):
        def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
            if not is_check(cast("Scope", cycle.scope)):
                super()._start_asgi_task(cycle, app)
                return
            task = self.loop.create_task(self._check(cycle))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

        async def _check(self, cycle: RequestResponseCycle) -> None:
            answer = await authorize.answer(cast("Scope", cycle.scope))
            if self.flow.write_paused:
                await self.flow.drain()
            # The client may have gone while it was decided, or sent what ends the connection.
            if not cycle.disconnected and not self.transport.is_closing():
                self.transport.write(_bytes_of(answer, cycle, self.server_state.default_headers))
                _end(cycle)

    return Protocol


def _bytes_of(
    answer: Answer, cycle: RequestResponseCycle, defaults: Sequence[tuple[bytes, bytes]]
) -> bytes:
    """What uvicorn makes of the same answer.

    No value can hold a line's end: hosts, ids and the catalogue's keys are read by forms without.
    """
    headers = [*defaults, *answer.headers]
    if not cycle.keep_alive:
        headers.append((b"connection", b"close"))
    parts = [STATUS_LINE[answer.status]]
    for name, value in headers:
        parts += (name, b": ", value, b"\r\n")
    parts.append(b"\r\n")
    if cycle.scope["method"] != "HEAD":
        parts.append(answer.body)
    return b"".join(parts)


def _end(cycle: RequestResponseCycle) -> None:
    """What uvicorn does after an answer: the connection waits for the next request, or closes."""
    cycle.response_started = cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    cycle.on_response = _nothing


def _nothing() -> None:
    """Lets go of the protocol, which holds on to the cycle."""
