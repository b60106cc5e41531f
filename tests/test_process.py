"""Child processes of tests: readiness, log, and their end with the tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.support.process import ROOT, Child, ChildFailed, ServerProcess, answer_of, free_port

SLEEPER = [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(60)"]
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); "


def until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return met


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_child_is_logged_and_ends_with_the_block(tmp_path: Path) -> None:
    with Child(SLEEPER, log=tmp_path / "log") as child:
        assert until(lambda: child.log() == "up\n")
        assert child.running
    assert gone(child.pid)


def test_restarted_child_continues_its_log(tmp_path: Path) -> None:
    child = Child([sys.executable, "-c", "print('up')"], log=tmp_path / "log")
    for _ in range(2):
        child.start()
        assert until(lambda: not child.running)
        assert child.stop() == 0
    assert child.log() == "up\nup\n"


def test_kill9_ends_the_process_group(tmp_path: Path) -> None:
    script = "sleep 60 & echo $!; wait"
    with Child(["/bin/sh", "-c", script], log=tmp_path / "log") as child:
        assert until(lambda: child.log().endswith("\n"))
        child.kill9()
        assert until(lambda: gone(int(child.log())))


def test_child_that_does_not_stop_fails_and_is_killed(tmp_path: Path) -> None:
    child = Child([sys.executable, "-c", DEAF + "time.sleep(60)"], log=tmp_path / "log").start()
    assert until(lambda: child.log() == "up\n")
    with pytest.raises(ChildFailed, match=r"did not end within 0.2 s(.|\n)*up"):
        child.stop(deadline_seconds=0.2)
    assert not child.running


def test_child_gets_the_given_environment_only(tmp_path: Path) -> None:
    with Child(["/usr/bin/env"], log=tmp_path / "log", environment={"ONLY": "this"}) as child:
        assert until(lambda: not child.running)
    assert child.log() == "ONLY=this\n"


def test_child_ends_when_the_tests_are_killed(tmp_path: Path) -> None:
    left_behind = tmp_path / "folder"
    left_behind.mkdir()
    script = (
        "import pathlib, sys, time\n"
        "from tests.support.process import Child\n"
        "child = Child(['sleep', '60'], log=pathlib.Path(sys.argv[1]) / 'log',\n"
        "    removes=pathlib.Path(sys.argv[1]) / 'folder').start()\n"
        "print(child.pid, flush=True); time.sleep(60)\n"
    )
    tests = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with tests:
        assert tests.stdout is not None
        pid = int(tests.stdout.readline())
        assert not gone(pid)
        os.kill(tests.pid, signal.SIGKILL)
    assert until(lambda: gone(pid))
    assert until(lambda: not left_behind.exists())


# Not ready at first; listens on the host and port of `tessera serve --host H --port P`.
SLOW_STARTER = """
import http.server, os, sys, time
began = time.monotonic()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if time.monotonic() > began + 0.3 else 503)
        self.end_headers()
    def log_message(self, *arguments):
        pass
print(os.environ["TESSERA_DATABASE_URL"], os.environ.get("TESSERA_STRAY"), flush=True)
http.server.HTTPServer((sys.argv[3], int(sys.argv[5])), Handler).serve_forever()
"""


def test_server_is_ready_once_started_and_keeps_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESSERA_STRAY", "the developer's own")
    starter = [sys.executable, "-c", SLOW_STARTER]
    with ServerProcess(tmp_path, database_url="sqlite:///x.db", command=starter) as server:
        assert answer_of(server.port, "/readyz") == 200
        server.kill9()
        assert answer_of(server.port, "/readyz") is None
        server.start()
        assert answer_of(server.port, "/readyz") == 200
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert server.log() == "sqlite:///x.db None\n" * 2


def test_server_that_never_gets_ready_is_killed(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, deadline_seconds=3, command=SLEEPER)
    with pytest.raises(ChildFailed, match=r"/readyz was None after 3 s(.|\n)*up"):
        server.start()
    assert not server.running


def test_server_that_ends_at_once_reports_its_log(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, arguments=["--no-such-option"])
    with pytest.raises(ChildFailed, match="ended with status"):
        server.start()
    assert not server.running


def test_free_ports_are_free() -> None:
    assert len({free_port() for _ in range(5)}) > 1
