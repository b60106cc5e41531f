"""Requests of one worker to all others, and their answers.

Each worker has a pair of sockets, which is made before the workers: the others write to one end,
and the worker reads from the other. A question is one end of a connection for the answer. No name
in a file system and no port has to be protected, and a replacement worker inherits the sockets.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

_WAIT_SECONDS = 1.0
_MAX_ANSWER_BYTES = 8 * 1024 * 1024


class Exchange:
    """The sockets of `count` workers, numbered from 1."""

    def __init__(self, count: int) -> None:
        self._pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(count)]
        for end in (end for pair in self._pairs for end in pair):
            end.setblocking(False)
        # Kept while they run: the event loop holds tasks weakly.
        self._answering: set[asyncio.Task[None]] = set()

    def serve(self, number: int, answer: Callable[[], bytes]) -> None:
        """Answer the questions to worker `number`, from now on, in the running event loop."""
        asked = self._pairs[number - 1][0]
        asyncio.get_running_loop().add_reader(asked, self._answer_next, asked, answer)

    async def ask_others(self, number: int) -> dict[int, bytes | None]:
        """The answers of all workers but `number`; None for those without one within a second."""
        others = [other for other in range(1, len(self._pairs) + 1) if other != number]
        answers = await asyncio.gather(*(self._ask(other) for other in others))
        return dict(zip(others, answers, strict=True))

    async def _ask(self, number: int) -> bytes | None:
        own, its = socket.socketpair()
        try:
            with its:
                socket.send_fds(self._pairs[number - 1][1], [b"?"], [its.fileno()])
        except OSError:  # it has not answered earlier ones either
            own.close()
            return None
        reader, writer = await asyncio.open_unix_connection(sock=own, limit=_MAX_ANSWER_BYTES)
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                return await reader.read(-1) or None
        except (OSError, TimeoutError):
            return None
        finally:
            writer.close()

    def _answer_next(self, asked: socket.socket, answer: Callable[[], bytes]) -> None:
        try:
            _, descriptors, _, _ = socket.recv_fds(asked, 1, 1)
        except OSError:
            return
        for descriptor in descriptors:
            asking = socket.socket(fileno=descriptor)
            asking.setblocking(False)
            task = asyncio.get_running_loop().create_task(_send(asking, answer()))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)


async def _send(asking: socket.socket, content: bytes) -> None:
    with asking, suppress(OSError, TimeoutError):  # the worker that asked may have ended
        async with asyncio.timeout(_WAIT_SECONDS):
            await asyncio.get_running_loop().sock_sendall(asking, content)
