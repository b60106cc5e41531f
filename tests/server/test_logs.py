"""The log: JSON lines that quote no error's text, written without blocking requests."""

import fcntl
import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from server.logs import DROPPED_LINES, JsonLines, LineQueue
from server.workers import SharedLock
from tests.support.process import LOOPBACK, TESSERA, answer_of, free_port, tessera_environment


def _raise_with(secret: str) -> None:
    try:
        raise KeyError(secret)
    except KeyError as cause:
        raise ValueError(f"could not use {secret}") from cause


def test_error_is_logged_by_types_and_places() -> None:
    try:
        _raise_with("canary-secret")
    except ValueError:
        record = logging.LogRecord(
            "tessera", logging.ERROR, __file__, 1, "unexpected error", None, sys.exc_info()
        )
    line = JsonLines().format(record)
    assert "canary-secret" not in line
    assert "\n" not in line
    told = json.loads(line)
    assert told["message"] == "unexpected error"
    assert told["error"][0] == "builtins.ValueError"
    assert "builtins.KeyError" in told["error"]
    assert any("_raise_with" in place for place in told["error"])


def test_line_breaks_cannot_forge_a_line() -> None:
    record = logging.LogRecord("tessera", logging.INFO, __file__, 1, 'a\n{"b": 1}', None, None)
    line = JsonLines().format(record)
    assert line.count("\n") == 0
    assert json.loads(line)["message"] == 'a\n{"b": 1}'


# Standard error blocks

_SMALL_PIPE = 4096


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a small pipe."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _SMALL_PIPE)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def _fill(writing: int) -> None:
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * _SMALL_PIPE)
    except BlockingIOError:
        os.set_blocking(writing, True)


def _log_line(queue: LineQueue, message: str) -> None:
    queue.handle(logging.LogRecord("tessera", logging.INFO, __file__, 1, message, None, None))


def _read_lines(reading: int, last: str) -> list[dict[str, object]]:
    """The lines up to the one with the message `last`, without the filler."""
    content = b""
    while f'"{last}"'.encode() not in content or not content.endswith(b"\n"):
        assert select.select([reading], [], [], 30)[0], content
        content += os.read(reading, 65536)
    return [json.loads(line) for line in content.lstrip(b"x").splitlines()]


def test_lines_of_several_processes_stay_whole(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    lock = SharedLock()

    def log_all(worker: int) -> LineQueue:
        queue = LineQueue(writing, worker=worker, turn=lock.held)
        for number in range(20):  # longer than what a pipe takes as a whole
            _log_line(queue, f"line {number} {'x' * 3 * _SMALL_PIPE}")
        return queue

    copy = os.fork()
    if not copy:
        log_all(2)._thread.join(30)
        os._exit(0)
    queue, content = log_all(1), b""
    while content.count(b"\n") < 40:
        assert select.select([reading], [], [], 30)[0]
        content += os.read(reading, 65536)
    queue.close()
    os.kill(copy, signal.SIGKILL)
    os.waitpid(copy, 0)
    lines = [json.loads(line) for line in content.splitlines()]
    assert [sum(line["worker"] == worker for line in lines) for worker in (1, 2)] == [20, 20]


def test_lines_for_a_full_pipe_are_dropped_counted_and_reported(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    _fill(writing)
    before = DROPPED_LINES.count
    queue = LineQueue(writing, max_bytes=2000)
    for number in range(200):
        _log_line(queue, f"line {number}")
    dropped = DROPPED_LINES.count - before
    assert 150 < dropped < 200
    # The thread may have taken the first lines at any time: which were dropped is not certain.
    kept, missing = _read(reading, 200 - dropped)
    _log_line(queue, "afterwards")
    afterwards, missing_then = _read(reading, 1)
    queue.close()
    assert afterwards == ["afterwards"]
    assert missing + missing_then == dropped
    numbers = [int(line.removeprefix("line ")) for line in kept]
    assert numbers == sorted(set(numbers))


def _read(reading: int, count: int) -> tuple[list[str], int]:
    """The next `count` messages, and how many lines the reports among them say were dropped."""
    content, kept, missing = b"", list[str](), 0
    while len(kept) < count:
        assert select.select([reading], [], [], 30)[0], content
        content += os.read(reading, 65536).lstrip(b"x")
        *whole, content = content.split(b"\n")
        for line in map(json.loads, whole):
            if line["message"] == "log lines were dropped":
                missing += line["dropped"]
            else:
                kept.append(line["message"])
    return kept, missing


def test_queued_lines_are_written_at_shutdown(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    queue = LineQueue(writing)
    for number in range(10):
        _log_line(queue, f"line {number}")
    queue.close()
    assert len(_read_lines(reading, "line 9")) == 10


def test_closed_pipe_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    before = DROPPED_LINES.count
    queue = LineQueue(writing)
    _log_line(queue, "unread")
    queue.close()
    os.close(writing)
    assert DROPPED_LINES.count == before + 1


def test_non_blocking_pipe_loses_no_lines(
    pipe: tuple[int, int],
) -> None:
    reading, writing = pipe
    os.set_blocking(writing, False)
    queue = LineQueue(writing)
    for number in range(500):
        _log_line(queue, f"line {number}")
    assert len(_read_lines(reading, "line 499")) == 500
    queue.close()


def test_unformattable_record_is_dropped(pipe: tuple[int, int]) -> None:
    before = DROPPED_LINES.count
    queue = LineQueue(pipe[1])
    queue.handle(logging.LogRecord("tessera", logging.INFO, __file__, 1, "%d", ("x",), None))
    queue.close()
    assert DROPPED_LINES.count == before + 1


def test_server_with_an_unread_log_answers_and_stops(pipe: tuple[int, int], tmp_path: Path) -> None:
    """303 unauthenticated requests once filled the pipe and blocked the server."""
    reading, writing = pipe
    port = free_port()
    server = subprocess.Popen(
        [*TESSERA, "serve", "--host", LOOPBACK, "--port", str(port)],
        env=tessera_environment(f"sqlite://{tmp_path}/tessera.db"),
        stdout=subprocess.DEVNULL,
        stderr=writing,
    )
    try:
        while answer_of(port, "/readyz") != 200:
            assert server.poll() is None
            time.sleep(0.05)
        with closing(HTTPConnection(LOOPBACK, port, timeout=20)) as connection:
            for number in range(600):
                connection.request("GET", f"/nothing{number}")
                answer = connection.getresponse()
                assert (answer.status, bool(answer.read())) == (404, True)
            connection.request("GET", "/metrics")
            assert b"tessera_log_lines_dropped_total 0.0" in connection.getresponse().read()
        assert answer_of(port, "/authorize") == 400  # not from a gateway's address, and answered
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    finally:
        server.kill()
        server.wait()
    assert json.loads(os.read(reading, _SMALL_PIPE).splitlines()[0])["level"]
