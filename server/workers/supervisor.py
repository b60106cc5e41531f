"""Starts the workers of an instance, and replaces those that end unexpectedly.

A worker is a copy of this process (`fork`), which has imported everything. A copy has only the
calling thread, and a lock that another thread holds stays locked in it. This process therefore has
neither threads nor an event loop. It waits for signals and for its workers.
"""

import logging
import os
import select
import signal
import socket
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass

from server.errors import Misconfigured
from server.workers.counts import SharedCounts
from server.workers.exchange import Exchange
from server.workers.locks import SharedLock
from server.workers.worker import Shared, Worker

_log = logging.getLogger("tessera.workers")
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
# More than a worker takes to end by itself.
_END_SECONDS = 30.0
# A worker that ends sooner is started again after a pause, each time twice as long.
_STABLE_SECONDS = 10.0
_MIN_PAUSE_SECONDS = 0.5
_LOG_SECONDS = 0.1
_MAX_PAUSE_SECONDS = 30.0
# Has a worker that ends wait for no request. An interrupt from the terminal reaches it as well.
FORCE = signal.SIGQUIT


@dataclass(slots=True, eq=False)
class _Slot:
    """A worker's number, and the process that has it at present."""

    number: int
    # When to start a process; None while there is one, and until the first worker serves.
    due_at: float | None = None
    pid: int = 0
    started_at: float = 0.0
    # How often in a row a process ended soon.
    early_ends: int = 0
    # A byte comes from here once the worker serves.
    ready: int | None = None


class Supervisor:
    """The workers of an instance. Runs in the process that they are copies of."""

    def __init__(self, count: int, delay_seconds: float) -> None:
        """delay_seconds: for how long workers serve on after SIGTERM."""
        self._delay_seconds = delay_seconds
        self._shared = Shared(SharedCounts(), Exchange(count), SharedLock())
        self._listeners: list[socket.socket] = []
        self._slots = [_Slot(number) for number in range(1, count + 1)]
        self._slots[0].due_at = 0.0
        # The first worker migrates and announces; the others start once it serves.
        self._has_served = False
        # When workers that have not ended are killed; None until they are told to end.
        self._kills_at: float | None = None
        self._failed = False
        self._signalled, self._wakes = socket.socketpair()
        self._supervised, self._alive = os.pipe()

    def log_turn(self) -> AbstractContextManager[None]:
        """Hold the turn to write to the log that the workers share. May raise `TimeoutError`."""
        return self._shared.log_turn.held(_LOG_SECONDS)

    def run(self, listeners: list[socket.socket]) -> Worker | int:
        """Start the workers, and return twice, as `fork` does.

        listeners: of the workers; closed here when the instance ends, so as to queue no more.
        In each worker: who it is, at once. In this process: the exit status, once a signal has
        ended all workers, or the first one ended before it served.
        """
        self._listeners = listeners
        self._wakes.setblocking(False)
        self._signalled.setblocking(False)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, _note)
        while True:
            for slot in self._slots:
                if slot.due_at is not None and slot.due_at <= time.monotonic():
                    worker = self._start(slot)
                    if worker is not None:
                        return worker
            self._wait()
            status = self._reap()
            if status is not None:
                return status

    def _start(self, slot: _Slot) -> Worker | None:
        """Start a process for `slot`. Gives the worker in it, and None in this one."""
        read_end, write_end = os.pipe()
        # Signals wait until the copy has put their handlers aside.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            slot.pid = os.fork()
        except OSError as error:  # no memory, or too many processes
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            os.close(read_end)
            os.close(write_end)
            if not self._has_served:
                raise Misconfigured(f"No process can be started: {error.strerror}.") from None
            slot.due_at = time.monotonic() + _MAX_PAUSE_SECONDS
            _log.error("no process can be started", extra={"worker": slot.number})
            return None
        if not slot.pid:
            os.close(read_end)
            self._let_go()
            return Worker(
                slot.number, not self._has_served, self._shared, self._supervised, write_end
            )
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        os.close(write_end)
        slot.ready, slot.due_at, slot.started_at = read_end, None, time.monotonic()
        return None

    def _let_go(self) -> None:
        """In a new worker, give up the supervisor's resources."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # A terminal sends it to all processes; the supervisor ends the workers.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        self._signalled.close()
        self._wakes.close()
        # Only while this is open in the supervisor alone do workers see that it has ended.
        os.close(self._alive)
        for slot in self._slots:
            if slot.ready is not None:
                os.close(slot.ready)

    def _wait(self) -> None:
        """Wait for a signal, a worker that serves, or the next instant at which one is due."""
        starting = {slot.ready: slot for slot in self._slots if slot.ready is not None}
        signalled = self._signalled.fileno()
        readable, _, _ = select.select([signalled, *starting], [], [], self._seconds_left())
        for end in readable:
            if end == signalled:
                for number in self._signalled.recv(4096):
                    self._heed(number)
            else:
                self._note_ready(starting[end], end)
        if self._kills_at is not None and self._seconds_left() == 0:
            self._signal_all(signal.SIGKILL)

    def _seconds_left(self) -> float | None:
        now = time.monotonic()
        if self._kills_at is not None:
            return max(0.0, self._kills_at - now)
        due = [slot.due_at for slot in self._slots if slot.due_at is not None]
        return max(0.0, min(due) - now) if due else None

    def _heed(self, number: int) -> None:
        if number == signal.SIGCHLD:
            return
        is_first, soon = self._kills_at is None, time.monotonic() + _END_SECONDS
        if is_first:
            for listener in self._listeners:
                listener.close()
            for slot in self._slots:
                slot.due_at = None
        if number == signal.SIGTERM and is_first:
            self._kills_at = soon + self._delay_seconds
            self._signal_all(signal.SIGTERM)
        else:
            self._kills_at = min(self._kills_at or soon, soon)
            # Workers wait for no request after a second interrupt.
            self._signal_all(FORCE if number == signal.SIGINT else signal.SIGTERM)

    def _signal_all(self, number: signal.Signals) -> None:
        for slot in self._slots:
            if slot.pid:
                # One that is still starting heeds SIGTERM alone.
                is_starting = slot.ready is not None and number == FORCE
                os.kill(slot.pid, signal.SIGTERM if is_starting else number)

    def _note_ready(self, slot: _Slot, end: int) -> None:
        """Take the byte of a worker that serves; or the end of one that never did."""
        serves = os.read(end, 1)
        os.close(end)
        slot.ready = None
        if serves and not self._has_served:
            self._has_served = True
            for other in self._slots:
                if other is not slot and self._kills_at is None:
                    other.due_at = 0.0

    def _reap(self) -> int | None:
        """Take note of the processes that have ended; gives the exit status if that is the end."""
        for slot in self._slots:
            if slot.pid and (ended := os.waitpid(slot.pid, os.WNOHANG))[0]:
                status = os.waitstatus_to_exitcode(ended[1])
                if not self._has_served and self._kills_at is None:
                    return self._failed_start(slot, status)
                self._note_end(slot, status)
        if self._kills_at is not None and not any(slot.pid for slot in self._slots):
            return int(self._failed)
        return None

    def _failed_start(self, slot: _Slot, status: int) -> int:
        if status < 0:
            self._tell("the first worker died before it served", slot, status)
        return status if status >= 0 else 1

    def _note_end(self, slot: _Slot, status: int) -> None:
        if self._kills_at is not None:
            # One that was still starting ends by the signal itself.
            self._failed |= status not in {0, -signal.SIGTERM}
        else:
            self._tell("a worker died, and is started anew", slot, status)
            lived = time.monotonic() - slot.started_at
            slot.early_ends = 0 if lived >= _STABLE_SECONDS else slot.early_ends + 1
            slot.due_at = time.monotonic() + _pause(slot.early_ends)
        slot.pid = 0

    @staticmethod
    def _tell(message: str, slot: _Slot, status: int) -> None:
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        detail = f"process {slot.pid} ended {how}"
        _log.error(message, extra={"worker": slot.number, "detail": detail})


def _pause(early_ends: int) -> float:
    """How long to wait before a process is started again."""
    if early_ends <= 1:
        return 0.0
    return min(_MAX_PAUSE_SECONDS, _MIN_PAUSE_SECONDS * 2.0 ** min(early_ends - 2, 16))


def _note(_number: int, _frame: object) -> None:
    """Do nothing: the wake-up descriptor has the signal's number."""
