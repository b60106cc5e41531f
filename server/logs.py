"""The log: lines of JSON, and tracebacks that name places but quote nothing.

Drivers and libraries put values into their messages: parameters, literals, whole documents. So a
traceback is written as types and places only.

Logging never waits. Lines go to a bounded queue that a thread of its own writes out; where standard
error takes none, further lines are dropped and counted.
"""

import logging
import os
import select
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime

import orjson

_FIELDS = (
    *("worker", "request_id", "method", "route", "status", "milliseconds", "code"),
    *("tenant", "admin", "token", "gateway", "operation", "detail", "dropped"),
)
_CHATTY = (
    "tortoise",
    "asyncio",
    "aiosqlite",
    "uvicorn.access",
    "graphql",
    "httpcore2",
    "httpx2",
    "urllib3",
)
_MAX_WAITING_BYTES = 1024 * 1024
_MAX_BYTES_A_WRITE = 64 * 1024
_MAX_FLUSH_SECONDS = 1.0
_MAX_WAIT_SECONDS = 0.1
# After a write that took all lines: a line is late by no more.
_REST_SECONDS = 0.01
Turn = Callable[[], AbstractContextManager[None]]


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the call's `extra` fields.

    worker: the number of this process among the workers of its instance, if it is one of several.
    """

    def __init__(self, worker: int | None = None) -> None:
        super().__init__()
        self._worker = {} if worker is None else {"worker": worker}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self._worker,
        }
        # exempt names_made_at_run_time: the names are those of _FIELDS
        given = vars(record)
        line |= {name: given[name] for name in _FIELDS if name in given}
        if record.exc_info and record.exc_info[1]:
            line["error"] = places(record.exc_info[1])
        return orjson.dumps(line, default=str).decode()


def places(error: BaseException) -> list[str]:
    """The chain of an error: each one's type, then the places it passed, the innermost last."""
    lines: list[str] = []
    link: BaseException | None = error
    while link is not None and len(lines) < 200:
        lines.append(f"{type(link).__module__}.{type(link).__qualname__}")
        lines += [
            f"  {frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(link.__traceback__)
        ]
        link = link.__cause__ or link.__context__
    return lines


class DroppedLines:
    """How many log lines this process has dropped so far."""

    def __init__(self) -> None:
        self.count = 0


DROPPED_LINES = DroppedLines()


class LineQueue(logging.Handler):
    """Writes lines to a file descriptor from a thread of its own; `emit` never waits for it.

    Buffers at most `max_bytes` of lines. Drops further lines, counts them in `DROPPED_LINES`, and
    reports their number in a line once writing goes on.
    turn: held while writing, where other processes write there too. A pipe takes lines of up to
    4 KiB as a whole, longer ones and several together in parts.
    """

    def __init__(
        self,
        descriptor: int,
        max_bytes: int = _MAX_WAITING_BYTES,
        *,
        worker: int | None = None,
        turn: Turn = nullcontext,
    ) -> None:
        super().__init__()
        self.setFormatter(JsonLines(worker))
        self._descriptor = descriptor
        self._turn = turn
        self._max_bytes = max_bytes
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._untold = 0
        self._ended = threading.Event()
        self._changed = threading.Condition()
        # A daemon: a write that never returns must not keep the process from ending.
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's line, or drop it."""
        try:
            line = self.format(record).encode() + b"\n"
        except Exception:
            self._drop(1)
            return
        with self._changed:
            if self._ended.is_set() or self._waiting_bytes + len(line) > self._max_bytes:
                self._drop(1)
                return
            self._waiting.append(line)
            self._waiting_bytes += len(line)
            self._changed.notify()

    def close(self) -> None:
        """Take no more lines, and give the thread a second to write those that wait."""
        with self._changed:
            self._ended.set()
            self._changed.notify()
        self._thread.join(_MAX_FLUSH_SECONDS)
        super().close()

    def _drop(self, lines: int) -> None:
        with self._changed:
            self._untold += lines
            DROPPED_LINES.count += lines

    def _write_all(self) -> None:
        while lines := self._take():
            content = b"".join(lines)
            try:
                with self._turn():
                    _write(self._descriptor, content)
            except OSError:  # its reader has gone, or its disk is full
                self._drop(len(lines))
            # Woken for each line, this thread and the event loop would take turns with the
            # interpreter three times a request. After a full write, others wait already.
            if len(content) < _MAX_BYTES_A_WRITE:
                self._ended.wait(_REST_SECONDS)

    def _take(self) -> list[bytes]:
        """The lines to write next, once there are any; none at the end."""
        with self._changed:
            while not self._waiting and not self._ended.is_set():
                self._changed.wait()
            lines: list[bytes] = []
            size = 0
            while self._waiting and size < _MAX_BYTES_A_WRITE:
                lines.append(self._waiting.popleft())
                size += len(lines[-1])
            self._waiting_bytes -= size
            if lines and self._untold:
                lines.insert(0, self._told())
            return lines

    def _told(self) -> bytes:
        """The line that says how many lines are missing before the next."""
        record = logging.LogRecord(
            "tessera.log", logging.WARNING, __file__, 0, "log lines were dropped", None, None
        )
        record.dropped, self._untold = self._untold, 0
        return self.format(record).encode() + b"\n"


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # another process has made the shared pipe non-blocking
            select.select([], [descriptor], [])


class FewLines(logging.Handler):
    """Writes lines at once, for a process without threads: see `server.workers.supervisor`.

    Drops a line that the file descriptor does not take within a tenth of a second. turn: as for
    `LineQueue`; may raise `TimeoutError`, which drops the line.
    """

    def __init__(self, descriptor: int, turn: Turn) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self._descriptor = descriptor
        self._turn = turn

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's line, or drop it."""
        line = self.format(record).encode() + b"\n"
        # Its reader may have gone, or its disk be full.
        with suppress(OSError, TimeoutError), self._turn():
            # A pipe that is ready takes 4 KiB without waiting.
            if select.select([], [self._descriptor], [], _MAX_WAIT_SECONDS)[1]:
                os.write(self._descriptor, line)


@contextmanager
def few_lines_to_standard_error(level: str, turn: Turn) -> Iterator[None]:
    """As `logging_to_standard_error`, for a process without threads."""
    with _all_lines_to(FewLines(_standard_error(), turn), level):
        yield


@contextmanager
def _all_lines_to(handler: logging.Handler, level: str) -> Iterator[None]:
    root = logging.getLogger()
    before = root.level
    logging.basicConfig(level=level, handlers=[handler], force=True)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


@contextmanager
def logging_to_standard_error(
    level: str, *, worker: int | None = None, turn: Turn = nullcontext
) -> Iterator[None]:
    """Send every logger's lines to standard error, as JSON, until the end of the block.

    So go warnings, and the errors of destructors and threads, which Python itself would print at
    once and with the values in them. worker, turn: as for `JsonLines` and `LineQueue`.
    """
    queue = LineQueue(_standard_error(), worker=worker, turn=turn)
    try:
        with _all_lines_to(queue, level):
            for chatty in _CHATTY:
                # At DEBUG these write statements with parameters, and URLs with headers.
                logging.getLogger(chatty).setLevel(logging.WARNING)
            logging.captureWarnings(True)
            hooks = sys.unraisablehook, threading.excepthook
            sys.unraisablehook = threading.excepthook = _log_unhandled
            try:
                yield
            finally:
                sys.unraisablehook, threading.excepthook = hooks
                logging.captureWarnings(False)
    finally:
        queue.close()


def _standard_error() -> int:
    # Where a process is started with it closed, its number may by now be that of another file.
    return sys.__stderr__.fileno() if sys.__stderr__ else os.open(os.devnull, os.O_WRONLY)


def _log_unhandled(unhandled: "sys.UnraisableHookArgs | threading.ExceptHookArgs") -> None:
    logging.getLogger("tessera").error("unhandled error", exc_info=unhandled.exc_value)
